import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { CircleCheck, List, Pause } from "lucide-react";
import { useState } from "react";
import { isHealthy, serves } from "../../api/health-needs";
import type { Queue, Worker } from "../../api/overview";
import { firstPageOptions } from "../../api/tasks";
import { Button, buttonClass } from "../../components/button";
import { Card } from "../../components/card";
import { LoadBar } from "../../components/load-bar";
import { StateText } from "../../components/state-text";
import { useNow } from "../../hooks/use-now";
import { formatCount, joinClasses, plural } from "../../lib/format";
import { formatClock, formatDuration } from "../../lib/time";
import { limitWords } from "./limits";
import { LimitsDialog } from "./limits-dialog";

interface QueueDetailProps {
  queue: Queue;
  workers: readonly Worker[];
  mayAct: boolean;
}

/** The chosen queue: why it stands, who serves it, what is next in it. */
export function QueueDetail({ queue, workers, mayAct }: QueueDetailProps) {
  const [isLimiting, setLimiting] = useState(false);
  const now = useNow();
  const serving = workers.filter((worker) => isHealthy(worker, now) && serves(worker, queue.name));
  const slots = serving.reduce((sum, worker) => sum + worker.slots, 0);
  const { data: next } = useQuery({ ...firstPageOptions({ queue: queue.name, status: "pending" }, 10), enabled: queue.counts.pending > 0 });
  const head = queue.counts.pending > 0 ? next?.tasks[0] : undefined;
  return (
    <Card>
      <div className="flex min-h-13 flex-wrap items-center gap-x-3 gap-y-1 border-b border-border px-4 py-2">
        <h2 className="text-15 font-semibold">{queue.name}</h2>
        {queue.paused ? <StateText pill icon={Pause} tone="amber" text="Paused" /> : <StateText pill icon={CircleCheck} tone="green" text="Active" />}
        {queue.paused && <p className="text-text-2">{pausedWords(queue.paused)}</p>}
        <span className="ml-auto flex gap-2">
          <Link to="/tasks" search={{ queue: queue.name, status: "pending" }} className={buttonClass("plain")}>
            <List size={14} aria-hidden />
            {plural(queue.counts.pending, "pending task")}
          </Link>
          {mayAct && <Button onClick={() => { setLimiting(true); }}>Limits…</Button>}
        </span>
      </div>
      <div className="grid md:grid-cols-[3fr_2fr] md:divide-x md:divide-border">
      <dl className="grid grid-cols-2 content-start gap-x-4 gap-y-4 p-4 lg:grid-cols-3">
        <Fact name="Served by" value={serving.length === 0 ? "no worker" : `${plural(serving.length, "worker")}, ${plural(slots, "slot")}`} />
        <Fact name="Running" value={plural(queue.counts.running, "task")} />
        <Fact name="First in line" value={head === undefined ? "nothing waits" : `${head.type}, waiting ${formatDuration(now - head.createdAt.getTime())}`} />
        <Fact name="Limit of the queue" value={limitWords(queue.limit)} />
        <Fact name="Limit of each key" value={limitWords(queue.keyLimit)} />
        {queue.parked > 0 && <Fact name="Parked" value={`${plural(queue.parked, "task waits", "tasks wait")} for room under a limit, or for a worker that knows the type`} />}
        <Fact name={queue.paused ? "If you resume now" : "Kept"} value={queue.paused ? resumeWords(queue, slots) : plural(queue.counts.completed, "completed task")} />
      </dl>
        <PendingByPriority queue={queue} />
      </div>
      {isLimiting && <LimitsDialog queue={queue} onClose={() => { setLimiting(false); }} />}
    </Card>
  );
}

const PRIORITIES = [10, 9, 8, 7, 6, 5, 4, 3, 2, 1] as const;

function PendingByPriority({ queue }: { queue: Queue }) {
  const counts = new Map(queue.byPriority.map(({ priority, count }) => [priority, count]));
  const most = Math.max(1, ...counts.values());
  return (
    <section className="p-4 max-md:border-t max-md:border-border">
      <h3 className="mb-2 font-semibold">Pending by priority</h3>
      <table className="w-full">
        <thead className="sr-only">
          <tr><th>Priority</th><th>Share</th><th>Pending</th></tr>
        </thead>
        <tbody>
          {PRIORITIES.map((priority) => {
            const count = counts.get(priority) ?? 0;
            return (
              <tr key={priority} className="h-6">
                <th scope="row" className="w-10 text-left font-normal">{priority}</th>
                <td><LoadBar share={count / most} tone="accent" className="w-full" /></td>
                <td className={joinClasses("w-20 text-right tabular-nums", count === 0 ? "text-text-3" : "")}>{formatCount(count)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </section>
  );
}

function Fact({ name, value }: { name: string; value: string }) {
  return (
    <div className="min-w-0">
      <dt className="text-12 text-text-2">{name}</dt>
      <dd className="font-medium break-words">{value}</dd>
    </div>
  );
}

function pausedWords({ at, by, reason }: NonNullable<Queue["paused"]>): string {
  const who = [by === null ? "" : `by ${by}`, at === null ? "" : `at ${formatClock(at)}`].filter(Boolean).join(" ");
  return [who, reason === null ? "" : `“${reason}”`].filter(Boolean).join(", ");
}

function resumeWords(queue: Queue, slots: number): string {
  if (slots === 0) return "nothing starts: no worker serves it";
  return `${plural(Math.min(slots, queue.counts.pending), "task")} can start at once`;
}

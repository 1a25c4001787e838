import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { CircleCheck, List, Pause } from "lucide-react";
import { isHealthy, serves } from "../../api/health-needs";
import type { Queue, Worker } from "../../api/overview";
import { firstPageOptions } from "../../api/tasks";
import { buttonClass } from "../../components/button";
import { Card } from "../../components/card";
import { StateText } from "../../components/state-text";
import { useNow } from "../../hooks/use-now";
import { plural } from "../../lib/format";
import { formatClock, formatDuration } from "../../lib/time";

interface QueueDetailProps {
  queue: Queue;
  workers: readonly Worker[];
  mayAct: boolean;
}

/** The chosen queue: why it stands, who serves it, what is next in it. */
export function QueueDetail({ queue, workers }: QueueDetailProps) {
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
        <Link to="/tasks" search={{ queue: queue.name, status: "pending" }} className={buttonClass("plain", "ml-auto")}>
          <List size={14} aria-hidden />
          {plural(queue.counts.pending, "pending task")}
        </Link>
      </div>
      <dl className="grid grid-cols-2 gap-x-4 gap-y-3 p-4 md:grid-cols-4">
        <Fact name="Served by" value={serving.length === 0 ? "no worker" : `${plural(serving.length, "worker")}, ${plural(slots, "slot")}`} />
        <Fact name="Running" value={plural(queue.counts.running, "task")} />
        <Fact name="First in line" value={head === undefined ? "nothing waits" : `${head.type}, waiting ${formatDuration(now - head.createdAt.getTime())}`} />
        <Fact name={queue.paused ? "If you resume now" : "Kept"} value={queue.paused ? resumeWords(queue, slots) : plural(queue.counts.completed, "completed task")} />
      </dl>
    </Card>
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

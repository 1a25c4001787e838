import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { CircleCheck, List, Pause } from "lucide-react";
import type { ReactNode } from "react";
import { useState } from "react";
import { isHealthy, serves } from "../../api/health-needs";
import type { Queue, Worker } from "../../api/overview";
import type { Stats } from "../../api/stats";
import { firstPageOptions } from "../../api/tasks";
import { Button, buttonClass } from "../../components/button";
import { Card } from "../../components/card";
import { PriorityTable } from "../../components/priority-table";
import { StateText } from "../../components/state-text";
import { STATUS } from "../../components/status";
import { TimeChart } from "../../components/time-chart";
import { useNow } from "../../hooks/use-now";
import { formatCount, formatRate, joinClasses, plural } from "../../lib/format";
import { formatClock, formatDuration } from "../../lib/time";
import { flowOf, resumeMs } from "./flow";
import { limitWords } from "./limits";
import { LimitsDialog } from "./limits-dialog";
import { QueueMenu } from "./queue-menu";

interface QueueDetailProps {
  queue: Queue;
  /** The last hour of each queue; null where this key may not read it. */
  stats: Stats | null;
  workers: readonly Worker[];
  mayAct: boolean;
}

/** The chosen queue: why it stands, who serves it, what is next in it. */
export function QueueDetail({ queue, stats, workers, mayAct }: QueueDetailProps) {
  const [isLimiting, setLimiting] = useState(false);
  const now = useNow();
  const serving = workers.filter((worker) => isHealthy(worker, now) && serves(worker, queue.name));
  const slots = serving.reduce((sum, worker) => sum + worker.slots, 0);
  const { data: next } = useQuery({ ...firstPageOptions({ queue: queue.name, status: "pending" }, 10), enabled: queue.counts.pending > 0 });
  const head = queue.counts.pending > 0 ? next?.tasks[0] : undefined;
  return (
    <Card>
      <div className="flex min-h-13 flex-wrap items-center gap-x-3 gap-y-1 border-b border-border px-4 py-2">
        <h2 className="min-w-0 text-15 font-semibold break-words">{queue.name}</h2>
        {queue.paused ? <StateText pill icon={Pause} tone="amber" text="Paused" /> : <StateText pill icon={CircleCheck} tone="green" text="Active" />}
        {queue.paused && <p className="min-w-0 text-text-2 break-words">{pausedWords(queue.paused)}</p>}
        <span className="ml-auto flex flex-wrap justify-end gap-2">
          <Link to="/tasks" search={{ queue: queue.name, status: "pending" }} className={buttonClass("plain")}>
            <List size={14} aria-hidden />
            {plural(queue.counts.pending, "pending task")}
          </Link>
          {mayAct && <Button onClick={() => { setLimiting(true); }}>Limits…</Button>}
          {mayAct && <span className="md:hidden"><QueueMenu queue={queue} /></span>}
        </span>
      </div>
      <div className={joinClasses("grid divide-border max-lg:divide-y lg:grid-cols-2 lg:divide-x", stats !== null && "max-xl:[&>:first-child]:col-span-full max-xl:[&>:first-child]:border-r-0 max-xl:[&>:first-child]:border-b xl:grid-cols-[2fr_1.2fr_1fr]")}>
        {stats !== null && <FlowChart queue={queue} stats={stats} />}
        <section className="p-4">
          <h3 className="mb-1 font-semibold">Pending by priority</h3>
          <PriorityTable counts={queue.byPriority} now={now} filter={{ queue: queue.name }} />
        </section>
        <section className="p-4">
          {queue.paused && <Resuming queue={queue} stats={stats} slots={slots} />}
          <dl className="space-y-1.5">
            <Fact name="Limit of the queue" value={limitWords(queue.limit)} />
            <Fact name="Limit of each key" value={limitWords(queue.keyLimit)} />
            <Fact name="Served by" value={serving.length === 0 ? "no worker" : `${plural(serving.length, "worker")}, ${plural(slots, "slot")}`} />
            <Fact name="First in line" value={head === undefined ? "nothing waits" : head.type} />
            {queue.parked > 0 && <Fact name="Parked" value={`${plural(queue.parked, "task waits", "tasks wait")} for room under a limit, or for a worker that knows the type`} />}
            <CountFact queue={queue} status="scheduled" />
            <CountFact queue={queue} status="retrying" />
            <CountFact queue={queue} status="dead" />
            <CountFact queue={queue} status="completed" />
          </dl>
        </section>
      </div>
      {isLimiting && <LimitsDialog queue={queue} onClose={() => { setLimiting(false); }} />}
    </Card>
  );
}

/** What came and what ended, a point a minute; a dotted line where the queue was paused. */
function FlowChart({ queue, stats }: { queue: Queue; stats: Stats }) {
  const { submitted = [], ended = [] } = stats.queues.get(queue.name) ?? {};
  const times = stats.steps.map((step) => step.at);
  const pausedAt = queue.paused?.at?.getTime() ?? 0;
  const values = (series: readonly number[]) => times.map((_, index) => series[index] ?? 0);
  return (
    <section className="min-w-0 p-4">
      <h3 className="mb-2 font-semibold">In and out per minute</h3>
      <TimeChart
        label={`In the last whole minute ${plural(submitted.at(-2) ?? 0, "task")} came into ${queue.name} and ${formatCount(ended.at(-2) ?? 0)} ended`}
        times={times}
        lines={[{ name: "in", look: "dashed", values: values(submitted) }, { name: "out", look: "area", values: values(ended) }]}
        markers={pausedAt > (times[0] ?? Infinity) ? [{ at: pausedAt, text: "paused" }] : []}
        height={224}
        format={formatCount}
        hasEndLabels
      />
    </section>
  );
}

function Fact({ name, value }: { name: string; value: ReactNode }) {
  return (
    <div className="flex items-baseline justify-between gap-4">
      <dt className="shrink-0 text-text-2">{name}</dt>
      <dd className="min-w-0 text-right break-words">{value}</dd>
    </div>
  );
}

function CountFact({ queue, status }: { queue: Queue; status: "scheduled" | "retrying" | "dead" | "completed" }) {
  const count = queue.counts[status];
  return (
    <Fact
      name={STATUS[status].label}
      value={count === 0 ? "0" : <Link to="/tasks" search={{ queue: queue.name, status }} className={joinClasses("target inline-block min-w-6 hover:text-accent hover:underline", status === "dead" && "text-red-fg")}>{formatCount(count)}</Link>}
    />
  );
}

/** What a paused queue would do, were it resumed: the pace of all queues' usual run, on the slots that serve it. */
function Resuming({ queue, stats, slots }: { queue: Queue; stats: Stats | null; slots: number }) {
  const { pending } = queue.counts;
  const atOnce = Math.min(slots, queue.limit?.concurrency ?? slots);
  const series = stats?.queues.get(queue.name);
  const inPerMinute = series === undefined ? 0 : flowOf(series, pending).in;
  const runMs = stats?.runP50Ms ?? null;
  const ms = resumeMs({ pending, slots: atOnce, runMs, inPerMinute });
  const words = ms === null ? resumeWords(queue, atOnce) : `to empty ${plural(pending, "task")} at ${formatCount(atOnce)} at once and ${formatDuration(runMs ?? 0)} each, while ${formatRate(inPerMinute)} a minute come in.`;
  return (
    <div className="mb-4">
      <h3 className="mb-2 font-semibold">If you resume now</h3>
      {ms !== null && <p className="text-20 font-semibold">{ms < 1000 ? "less than a second" : `about ${formatDuration(ms)}`}</p>}
      <p className="text-text-2">{words}</p>
    </div>
  );
}

function pausedWords({ at, by, reason }: NonNullable<Queue["paused"]>): string {
  const who = [by === null ? "" : `by ${by}`, at === null ? "" : `at ${formatClock(at)}`].filter(Boolean).join(" ");
  return [who, reason === null ? "" : `“${reason}”`].filter(Boolean).join(", ");
}

function resumeWords(queue: Queue, slots: number): string {
  if (slots === 0) return "Nothing starts: no worker serves it.";
  return `${plural(Math.min(slots, queue.counts.pending), "task")} can start at once.`;
}

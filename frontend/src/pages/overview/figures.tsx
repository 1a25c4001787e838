import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { Overview } from "../../api/overview";
import { wholeSteps } from "../../api/stats";
import type { Stats } from "../../api/stats";
import type { TaskFilter } from "../../api/tasks";
import { Spark } from "../../components/spark";
import { formatCount, formatPercent, plural } from "../../lib/format";
import { formatDuration, formatWait } from "../../lib/time";

interface Figure {
  readonly label: string;
  readonly value: string;
  readonly unit: string;
  readonly context: string;
  readonly filter: TaskFilter;
  readonly spark?: ReactNode;
  /** What a phone shows instead of the label, the value and its unit. */
  readonly onPhone?: { readonly label: string; readonly value?: string; readonly unit?: string };
}

interface FiguresProps {
  overview: Overview;
  /** Null where the server keeps no series. */
  stats: Stats | null;
  now: number;
}

function countFigures({ counts, workers }: Overview): readonly Figure[] {
  const slots = workers.reduce((sum, worker) => sum + worker.slots, 0);
  return [
    { label: "Running", value: formatCount(counts.running), unit: "tasks", context: slots === 0 ? "no worker is running" : `of ${plural(slots, "slot")}`, filter: { status: "running" } },
    { label: "Retrying", value: formatCount(counts.retrying), unit: "tasks", context: `${formatCount(counts.scheduled)} more scheduled`, filter: { status: "retrying" } },
    { label: "Dead", value: formatCount(counts.dead), unit: "tasks", context: `${formatCount(counts.completed)} completed are kept`, filter: { status: "dead" } },
  ];
}

function statFigures(stats: Stats): readonly Figure[] {
  const steps = wholeSteps(stats);
  const finished = steps.map((step) => step.finished / stats.stepMinutes);
  const failed = stats.steps.reduce((sum, step) => sum + step.failed, 0);
  const died = stats.steps.reduce((sum, step) => sum + step.dead, 0);
  const started = stats.steps.reduce((sum, step) => sum + step.started, 0);
  const [wait, unit] = stats.waitP50Ms === null ? ["–", ""] : splitUnit(formatDuration(stats.waitP50Ms));
  const [high, highUnit] = stats.waitP95Ms === null ? ["–", ""] : splitUnit(formatDuration(stats.waitP95Ms));
  const recovered = died === 0 ? "all recovered or trying again" : `${formatCount(died)} died`;
  return [
    { label: "Throughput", value: formatCount(finished.at(-1) ?? 0), unit: "/min", context: `${formatCount(Math.min(...finished, Infinity) === Infinity ? 0 : Math.min(...finished))} to ${formatCount(Math.max(0, ...finished))} a minute`, filter: { status: "completed" }, spark: <Spark look="line" values={finished} /> },
    { label: "Wait before start", value: wait, unit: `${unit} p50`, context: stats.waitP95Ms === null ? "nothing started" : `${formatDuration(stats.waitP95Ms)} p95`, filter: { status: "pending" }, spark: <Spark look="line" values={steps.map((step) => step.waitP50Ms)} />, onPhone: { label: "Wait p95", value: high, unit: highUnit } },
    { label: "Failed attempts", value: started === 0 ? "0" : formatPercent(failed / started), unit: "%", context: failed === 0 ? `none of ${formatCount(started)}` : `${formatCount(failed)} of ${formatCount(started)}, ${recovered}`, filter: { status: died > 0 ? "dead" : "retrying" }, spark: <Spark look="bars" tone={died > 0 ? "red" : "amber"} values={stats.steps.map((step) => step.failed)} />, onPhone: { label: "Failed" } },
  ];
}

function splitUnit(duration: string): [string, string] {
  const [value = "", ...unit] = duration.split(" ");
  return unit.length > 1 ? [duration, ""] : [value, unit.join(" ")];
}

function OnPhone({ wide, narrow }: { wide: string; narrow: string | undefined }) {
  if (narrow === undefined) return wide;
  return <><span className="max-md:hidden">{wide}</span><span className="md:hidden">{narrow}</span></>;
}

/** Four numbers, each a link to the tasks behind it. */
export function Figures({ overview, stats, now }: FiguresProps) {
  const { counts, oldestPendingSince } = overview;
  const pausedPending = overview.queues.filter((queue) => queue.paused).reduce((sum, queue) => sum + queue.counts.pending, 0);
  const oldest = oldestPendingSince === null ? "nothing waits" : `oldest waiting ${formatWait(now - oldestPendingSince.getTime())}`;
  const levels = stats?.stepMinutes === 1 ? stats.steps.map((step) => step.pending) : [];
  // The newest point is older than the figure, and would contradict it.
  const pendingSpark = levels.length > 0 && <Spark look="line" values={[...levels.slice(0, -1), counts.pending]} />;
  const figures: readonly Figure[] = [
    ...(stats === null ? countFigures(overview) : statFigures(stats)),
    { label: "Pending", value: formatCount(counts.pending), unit: counts.pending === 1 ? "task" : "tasks", context: pausedPending > 0 ? `${formatCount(pausedPending)} in paused queues` : oldest, filter: { status: "pending" }, spark: pendingSpark },
  ];
  return (
    <ul aria-label="Figures" className="grid grid-cols-2 overflow-hidden rounded-lg border border-border bg-surface shadow-1 lg:grid-cols-4">
      {figures.map(({ label, value, unit, context, filter, spark, onPhone }) => (
        <li key={label} className="min-w-0 border-border even:border-l max-lg:nth-[n+3]:border-t lg:not-first:border-l">
          <Link to="/tasks" search={filter} className="relative block h-full px-4 py-3 -outline-offset-2 hover:bg-surface-2">
            <span className="block text-12 font-medium text-text-2"><OnPhone wide={label} narrow={onPhone?.label} /></span>
            <span className="flex items-end justify-between gap-2">
              <span className="block text-20 font-semibold whitespace-nowrap md:mt-1 md:text-28">
                <OnPhone wide={value} narrow={onPhone?.value} />
                <span className="ml-1 text-12 font-normal text-text-2"><OnPhone wide={unit} narrow={onPhone?.unit} /></span>
              </span>
              <span className="max-xl:hidden">{spark}</span>
            </span>
            <span className="mt-1.5 block truncate text-12 text-text-2 max-md:hidden" title={context}>{context}</span>
          </Link>
        </li>
      ))}
    </ul>
  );
}

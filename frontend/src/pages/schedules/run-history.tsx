import { Link } from "@tanstack/react-router";
import type { PastRun } from "../../api/schedules";
import { STATUS } from "../../components/status";
import { joinClasses } from "../../lib/format";
import { formatDuration } from "../../lib/time";

const SHOWN = 10;

/** The median of the runs that completed, ms; null before the first. */
export function usualMs(runs: readonly PastRun[]): number | null {
  const times = runs.flatMap(({ status, runMs }) => (status === "completed" && runMs !== null ? [runMs] : [])).sort((a, b) => a - b);
  return times[Math.floor(times.length / 2)] ?? null;
}

/** The oldest at the left: filled for what went well, hatched for what died, dashed for no run. */
export function RunHistory({ runs }: { runs: readonly PastRun[] }) {
  const shown = runs.slice(0, SHOWN).toReversed();
  return (
    <ol className="flex">
      {shown.map((run, index) => (
        <li key={run.taskId ?? index} className="contents"><Run run={run} /></li>
      ))}
      {Array.from({ length: SHOWN - shown.length }, (_, index) => <li key={`not yet ${index}`} aria-hidden className="contents"><Block look="none" /></li>)}
    </ol>
  );
}

function Run({ run: { taskId, status, runMs } }: { run: PastRun }) {
  const words = taskId === null ? "Skipped" : status === null ? "No longer kept" : STATUS[status].label;
  const title = runMs === null ? words : `${words} in ${formatDuration(runMs)}`;
  const look = status === "completed" ? "good" : status === "dead" ? "bad" : status === null || status === "cancelled" ? "none" : "open";
  if (taskId === null || status === null) return <span title={title}><Block look={look} /><span className="sr-only">{title}</span></span>;
  return (
    <Link to="/tasks/$taskId" params={{ taskId }} title={title} aria-label={title} className="target rounded-sm hover:bg-surface-3">
      <Block look={look} />
    </Link>
  );
}

type Look = "good" | "bad" | "open" | "none";

/** Told apart by shape, not by hue alone. */
const SHAPES: Readonly<Record<Look, string>> = {
  good: "fill-green-mark",
  bad: "fill-red-mark",
  open: "fill-blue-mark",
  none: "fill-none stroke-border-strong",
};

/** A target of 24 px height around a mark of 10. */
function Block({ look }: { look: Look }) {
  return (
    <svg aria-hidden width={13} height={24} className="block">
      <rect x={1.5} y={3.5} width={9} height={17} rx={2} strokeDasharray={look === "none" ? "3 2" : undefined} className={joinClasses(SHAPES[look])} />
      {look === "bad" && <path d="M2 12L10 4M2 17L10 9M4 20L10 14" strokeWidth={2} className="stroke-surface" />}
      {look === "open" && <rect x={3.5} y={5.5} width={5} height={7} rx={1} className="fill-surface" />}
    </svg>
  );
}

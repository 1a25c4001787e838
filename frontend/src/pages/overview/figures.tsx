import { Link } from "@tanstack/react-router";
import type { Overview } from "../../api/overview";
import type { TaskStatus } from "../../api/tasks";
import { formatCount, plural } from "../../lib/format";
import { formatDuration } from "../../lib/time";

interface Figure {
  readonly status: TaskStatus;
  readonly label: string;
  readonly unit: string;
  readonly context: string;
}

interface FiguresProps {
  overview: Overview;
  now: number;
}

/** Four numbers, each a link to the tasks behind it. */
export function Figures({ overview: { counts, workers, oldestPendingSince }, now }: FiguresProps) {
  const slots = workers.reduce((sum, worker) => sum + worker.slots, 0);
  const figures: Figure[] = [
    { status: "running", label: "Running", unit: "tasks", context: slots === 0 ? "no worker is running" : `of ${plural(slots, "slot")}` },
    {
      status: "pending",
      label: "Pending",
      unit: "tasks",
      context: oldestPendingSince === null ? "nothing waits" : `oldest waiting ${formatDuration(now - oldestPendingSince.getTime())}`,
    },
    { status: "retrying", label: "Retrying", unit: "tasks", context: `${formatCount(counts.scheduled)} more scheduled` },
    { status: "dead", label: "Dead", unit: "tasks", context: `${formatCount(counts.completed)} completed are kept` },
  ];
  return (
    <ul aria-label="Figures" className="grid grid-cols-2 overflow-hidden rounded-lg border border-border bg-surface shadow-1 lg:grid-cols-4">
      {figures.map(({ status, label, unit, context }) => (
        <li
          key={status}
          className="border-border even:border-l max-lg:nth-[n+3]:border-t lg:not-first:border-l"
        >
          <Link to="/tasks" search={{ status }} className="block px-4 py-3 -outline-offset-2 hover:bg-surface-2">
            <span className="block text-12 font-medium text-text-2">{label}</span>
            <span className="block text-20 font-semibold md:mt-1 md:text-28">
              {formatCount(counts[status])}
              <span className="ml-1 text-12 font-normal text-text-2">{counts[status] === 1 ? unit.slice(0, -1) : unit}</span>
            </span>
            <span className="block text-12 text-text-2 md:mt-1.5">{context}</span>
          </Link>
        </li>
      ))}
    </ul>
  );
}

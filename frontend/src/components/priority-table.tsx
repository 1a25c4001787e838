import { Link } from "@tanstack/react-router";
import type { PriorityCount } from "../api/overview";
import type { TaskFilter } from "../api/tasks";
import { formatCount, joinClasses } from "../lib/format";
import { formatWait } from "../lib/time";
import { LoadBar } from "./load-bar";

const PRIORITIES = [10, 9, 8, 7, 6, 5, 4, 3, 2, 1] as const;

const LONG_WAIT_MS = 60_000;

interface PriorityTableProps {
  counts: readonly PriorityCount[];
  now: number;
  /** What else the tasks behind a number have in common. */
  filter: TaskFilter;
}

/** All ten priorities, how many wait in each, and how long the first has waited. */
export function PriorityTable({ counts, now, filter }: PriorityTableProps) {
  const known = new Map(counts.map((one) => [one.priority, one]));
  const most = Math.max(1, ...counts.map((one) => one.count));
  return (
    <table className="w-full">
      <thead>
        <tr className="h-7 text-12 text-text-2">
          <th scope="col" className="w-16 text-left font-medium">Priority</th>
          <th scope="col"><span className="sr-only">Share</span></th>
          <th scope="col" className="w-20 text-right font-medium">Pending</th>
          <th scope="col" className="w-20 text-right font-medium">Oldest</th>
        </tr>
      </thead>
      <tbody>
        {PRIORITIES.map((priority) => {
          const { count, oldestSince } = known.get(priority) ?? { count: 0, oldestSince: null };
          return (
            <tr key={priority} className="h-[22px]">
              <th scope="row" className="text-left font-normal">{priority}</th>
              <td><LoadBar share={count / most} tone="accent" className="w-full" /></td>
              <td className={joinClasses("text-right tabular-nums", count === 0 && "text-text-3")}>
                {count === 0 ? "0" : <Link to="/tasks" search={{ ...filter, status: "pending", priority }} className="hover:text-accent hover:underline">{formatCount(count)}</Link>}
              </td>
              <td className={joinClasses("text-right whitespace-nowrap tabular-nums", oldestSince === null ? "text-text-3" : now - oldestSince.getTime() > LONG_WAIT_MS ? "text-amber-fg" : "text-text-2")}>
                {oldestSince === null ? "–" : formatWait(now - oldestSince.getTime())}
              </td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

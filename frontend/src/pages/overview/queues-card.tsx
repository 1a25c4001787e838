import { Link } from "@tanstack/react-router";
import { Pause } from "lucide-react";
import type { Queue } from "../../api/overview";
import { Card } from "../../components/card";
import { STATUS } from "../../components/status";
import { formatCount, joinClasses } from "../../lib/format";

const COLUMNS = ["pending", "running", "scheduled", "retrying", "dead"] as const;

/** Every queue with its counts; each count leads to its tasks. */
export function QueuesCard({ queues }: { queues: readonly Queue[] }) {
  return (
    <Card title="Queues" note={queues.length === 0 ? "none yet" : undefined} tools={<Link to="/queues" className="font-medium text-accent hover:underline">All queues</Link>}>
      {queues.length > 0 && (
        <table className="w-full">
          <thead>
            <tr className="h-8 text-12 text-text-2">
              <th scope="col" className="px-4 text-left font-medium">Queue</th>
              {COLUMNS.map((status) => (
                <th key={status} scope="col" className={joinClasses("px-2 text-right font-medium last:pr-4", narrow(status))}>
                  {STATUS[status].label}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {queues.map((queue) => (
              <tr key={queue.name} className="h-9 hover:bg-surface-2 [&>*]:border-t [&>*]:border-border">
                <th scope="row" className="max-w-0 truncate px-4 text-left font-medium md:w-2/5">
                  <span className="flex items-center gap-2.5">
                    <span className="truncate" title={queue.name}>{queue.name}</span>
                    {queue.paused && (
                      <span className="inline-flex shrink-0 items-center gap-1 text-12 font-medium text-amber-fg">
                        <Pause size={12} aria-hidden />
                        <span className="max-md:sr-only">paused</span>
                      </span>
                    )}
                  </span>
                </th>
                {COLUMNS.map((status) => (
                  <td key={status} className={joinClasses("px-2 text-right last:pr-4", narrow(status))}>
                    <Link
                      to="/tasks"
                      search={{ queue: queue.name, status }}
                      aria-label={`${formatCount(queue.counts[status])} ${STATUS[status].label.toLowerCase()} in ${queue.name}`}
                      className={joinClasses(
                        "inline-block min-w-6 py-0.5 hover:text-accent hover:underline",
                        queue.counts[status] === 0 && "text-text-3",
                        status === "dead" && queue.counts.dead > 0 && "text-red-fg",
                      )}
                    >
                      {formatCount(queue.counts[status])}
                    </Link>
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Card>
  );
}

/** Two columns leave on phones. */
function narrow(status: (typeof COLUMNS)[number]): string | false {
  return (status === "scheduled" || status === "retrying") && "max-md:hidden";
}

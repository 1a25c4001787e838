import { Link } from "@tanstack/react-router";
import { CircleCheck, CircleX } from "lucide-react";
import { isHealthy } from "../../api/health-needs";
import type { Worker } from "../../api/overview";
import { Card } from "../../components/card";
import { formatCount, plural } from "../../lib/format";
import { formatExact, formatSpan } from "../../lib/time";

interface WorkersCardProps {
  workers: readonly Worker[];
  now: number;
  running: number;
}

function versionSentence(workers: readonly Worker[]): string {
  const versions = new Set(workers.map((worker) => worker.version));
  return versions.size === 1 ? `All on version ${[...versions].join("")}.` : `Versions ${[...versions].sort().join(", ")}.`;
}

/** Who runs tasks, how many at once, and for how long already. */
export function WorkersCard({ workers, now, running }: WorkersCardProps) {
  const slots = workers.filter((worker) => isHealthy(worker, now)).reduce((sum, worker) => sum + worker.slots, 0);
  if (workers.length === 0)
    return (
      <Card title="Workers">
        <p className="px-4 pb-4 text-text-2">No worker is running. Tasks wait safely until one starts.</p>
      </Card>
    );
  return (
    <Card title="Workers" note={`${formatCount(running)} of ${plural(slots, "slot")} busy`} tools={<Link to="/workers" className="font-medium text-accent hover:underline">All workers</Link>}>
      <ul className="flex flex-col gap-1 px-4 pb-1">
        {workers.map((worker) => {
          const healthy = isHealthy(worker, now);
          const Icon = healthy ? CircleCheck : CircleX;
          return (
            <li key={worker.name} className="flex h-7 items-center gap-2.5">
              <Icon size={14} aria-label={healthy ? "Healthy:" : "Lost:"} className={healthy ? "text-green-fg" : "text-red-fg"} />
              <span className="min-w-0 truncate font-mono" title={`${worker.name} on ${worker.host}, version ${worker.version}`}>
                {worker.name}
              </span>
              <span className="ml-auto shrink-0 text-text-2">{plural(worker.slots, "slot")}</span>
              <span className="w-26 shrink-0 text-right text-12 text-text-3" title={`Started ${formatExact(worker.startedAt)}`}>
                {healthy ? `up ${formatSpan(now - worker.startedAt.getTime())}` : `lost ${formatSpan(now - worker.expiresAt.getTime())} ago`}
              </span>
            </li>
          );
        })}
      </ul>
      <p className="mx-4 mt-1 border-t border-border py-3 text-12 text-text-2">{versionSentence(workers)}</p>
    </Card>
  );
}

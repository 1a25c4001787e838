import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { CircleCheck, LogOut, OctagonX } from "lucide-react";
import { isHealthy } from "../../api/health-needs";
import type { Worker } from "../../api/overview";
import { loadsOptions } from "../../api/loads";
import { Card } from "../../components/card";
import { LoadBar } from "../../components/load-bar";
import { formatCount, joinClasses, plural } from "../../lib/format";
import { lastSeen } from "../../lib/last-seen";
import { formatExact, formatMinute, formatRelative, formatSpan } from "../../lib/time";

interface WorkersCardProps {
  workers: readonly Worker[];
  now: number;
  running: number;
}

const SHOWN = 5;
const DAY_MS = 86_400_000;

function versionSentence(workers: readonly Worker[], now: number): string {
  const versions = new Set(workers.map((worker) => worker.version));
  const said = versions.size === 1 ? `All on version ${[...versions].join("")}.` : `Versions ${[...versions].sort().join(", ")}.`;
  const last = Math.max(...workers.map((worker) => worker.startedAt.getTime()));
  return `${said} Last restart ${now - last < DAY_MS ? formatMinute(last) : `${formatSpan(now - last)} ago`}.`;
}

/** Who runs tasks, how many of its slots are used, and when it was seen last. */
export function WorkersCard({ workers, now, running }: WorkersCardProps) {
  const { data: loads } = useQuery({ ...loadsOptions(), enabled: running > 0 });
  const slots = workers.filter((worker) => isHealthy(worker, now)).reduce((sum, worker) => sum + worker.slots, 0);
  if (workers.length === 0)
    return (
      <Card title="Workers">
        <p className="px-4 pb-4 text-text-2">No worker is running. Tasks wait safely until one starts.</p>
      </Card>
    );
  const lostFirst = [...workers].sort((a, b) => Number(isHealthy(a, now)) - Number(isHealthy(b, now)));
  const draining = workers.filter((worker) => worker.isDraining && isHealthy(worker, now));
  return (
    <Card title="Workers" note={`${formatCount(running)} of ${plural(slots, "slot")}`} tools={<Link to="/workers" className="font-medium text-accent hover:underline">All workers</Link>}>
      <ul className="flex flex-col gap-0.5 px-4">
        {lostFirst.slice(0, SHOWN).map((worker) => (
          <WorkerRow key={worker.name} worker={worker} now={now} load={running === 0 ? 0 : loads && (loads.ofWorker.get(worker.name) ?? 0)} isPart={running > 0 && loads?.isPart === true} />
        ))}
      </ul>
      <p className="mx-4 mt-2 border-t border-border py-3 text-12 text-text-2">
        {workers.length > SHOWN && `${plural(workers.length - SHOWN, "more worker")}. `}
        {draining.length > 0 && `${draining.map((worker) => worker.name).join(", ")} ${draining.length === 1 ? "finishes what it runs and claims" : "finish what they run and claim"} no more. `}
        {versionSentence(workers, now)}
      </p>
    </Card>
  );
}

interface WorkerRowProps {
  worker: Worker;
  now: number;
  /** Tasks it runs; undefined until that is known. */
  load: number | undefined;
  isPart: boolean;
}

function WorkerRow({ worker, now, load, isPart }: WorkerRowProps) {
  const healthy = isHealthy(worker, now);
  const [Icon, state, tone] = !healthy ? [OctagonX, "Lost", "text-red-fg"] : worker.isDraining ? [LogOut, "Draining", "text-amber-fg"] : [CircleCheck, "Healthy", "text-green-fg"];
  const seen = lastSeen(worker, load !== 0, now);
  return (
    <li className="flex h-7 items-center gap-2.5">
      <Icon size={14} aria-label={`${state}:`} className={joinClasses("shrink-0", tone)} />
      <span className="min-w-0 flex-1 truncate font-mono" title={`${worker.name} on ${worker.host}, version ${worker.version}, started ${formatExact(worker.startedAt)}`}>
        {worker.name}
      </span>
      {load !== undefined && <LoadBar share={load / worker.slots} className="w-18 shrink-0 max-sm:w-14" />}
      <span className="min-w-11 shrink-0 text-right">{load === undefined ? "" : `${isPart ? "≥ " : ""}${formatCount(load)}`}/{formatCount(worker.slots)}</span>
      <span className={joinClasses("w-16 shrink-0 text-right text-12 whitespace-nowrap", healthy ? "text-text-3" : "text-red-fg")} title="Last seen">
        {seen === null ? "–" : formatRelative(seen, now)}
      </span>
    </li>
  );
}

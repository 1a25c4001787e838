import { CircleCheck, LogOut, OctagonX, Play } from "lucide-react";
import { isHealthy } from "../../api/health-needs";
import type { Worker } from "../../api/overview";
import type { TaskPage } from "../../api/tasks";
import { loadsOf } from "../../api/loads";
import { Button } from "../../components/button";
import { LoadBar } from "../../components/load-bar";
import { StateText } from "../../components/state-text";
import { RowHead, Td, Th } from "../../components/table";
import { useNow } from "../../hooks/use-now";
import { useDrain } from "../../hooks/use-queue-actions";
import { lastSeen } from "../../lib/last-seen";
import { formatCount, joinClasses } from "../../lib/format";
import { formatExact, formatRelative, formatSpan } from "../../lib/time";

interface WorkerTableProps {
  workers: readonly Worker[];
  /** Running tasks, the first page of them. */
  running: TaskPage | undefined;
  /** The time of what is known. */
  asOf: number;
  chosen: string | undefined;
  mayAct: boolean;
  onChoose: (name: string) => void;
}

/** The newest version that runs; others are marked as older. */
function newestVersion(workers: readonly Worker[]): string | undefined {
  const compare = new Intl.Collator("en", { numeric: true }).compare;
  return workers.map((worker) => worker.version).sort(compare).at(-1);
}

export function WorkerTable({ workers, running, asOf, chosen, mayAct, onChoose }: WorkerTableProps) {
  const now = useNow();
  const drain = useDrain();
  const newest = newestVersion(workers);
  const loads = running && loadsOf(running);
  return (
    <table className="w-full">
      <thead>
        <tr>
          <Th>Worker</Th>
          <Th>State</Th>
          <Th className="max-sm:hidden">Load</Th>
          <Th className="max-lg:hidden">Queues</Th>
          <Th className="max-lg:hidden">Version</Th>
          <Th className="text-right max-md:hidden">Up for</Th>
          <Th className="text-right max-lg:hidden">Memory</Th>
          <Th className="text-right max-md:hidden">Last seen</Th>
          {mayAct && <Th className="text-right" />}
        </tr>
      </thead>
      <tbody>
        {workers.map((worker) => {
          const healthy = isHealthy(worker, asOf);
          const isChosen = worker.name === chosen;
          const load = loads?.ofWorker.get(worker.name) ?? 0;
          return (
            <tr
              key={worker.name}
              onClick={() => { onChoose(worker.name); }}
              className={joinClasses("h-(--row) cursor-pointer md:h-9", isChosen ? "bg-surface-2" : "hover:bg-surface-2")}
            >
              <RowHead chosen={isChosen} className="max-w-40 min-[1440px]:max-w-50 max-md:w-full max-md:max-w-0">
                <button type="button" aria-pressed={isChosen} onClick={() => { onChoose(worker.name); }} className="block max-w-full truncate py-1.5 font-mono max-md:min-h-11" title={`${worker.name} on ${worker.host}`}>
                  {worker.name}
                </button>
              </RowHead>
              <Td>{stateOf(worker, healthy)}</Td>
              <Td className="max-sm:hidden">
                {loads && (
                  <span className="flex items-center gap-3">
                    <LoadBar share={load / worker.slots} className="w-24 max-xl:w-14" />
                    <span className="font-medium whitespace-nowrap">{loads.isPart && "≥ "}{load}/{worker.slots}</span>
                  </span>
                )}
              </Td>
              <Td className="max-w-32 truncate text-text-2 max-lg:hidden min-[1440px]:max-w-70">{worker.queues.includes("*") || worker.queues.length === 0 ? "all" : worker.queues.join(", ")}</Td>
              <Td className="max-lg:hidden">
                <span className={joinClasses("font-mono", worker.version !== newest && "text-amber-fg")}>{worker.version}</span>
                {worker.version !== newest && <span className="ml-2 text-12 text-text-2">older</span>}
              </Td>
              <Td className="text-right whitespace-nowrap text-text-2 max-md:hidden">
                <span title={`Started ${formatExact(worker.startedAt)}`}>{formatSpan(now - worker.startedAt.getTime())}</span>
              </Td>
              <Td className="text-right whitespace-nowrap text-text-2 max-lg:hidden">{worker.memoryMb === null ? "–" : `${formatCount(worker.memoryMb)} MB`}</Td>
              <Td className={joinClasses("text-right whitespace-nowrap max-md:hidden", healthy ? "text-text-2" : "font-medium text-red-fg")}>
                <Seen at={lastSeen(worker, loads === undefined || load > 0, asOf)} now={now} />
              </Td>
              {mayAct && (
                <Td className="w-28">
                  {healthy && (
                    <span className="flex justify-end" onClick={(event) => { event.stopPropagation(); }}>
                      {worker.isDraining ? (
                        <Button aria-label={`Resume ${worker.name}`} aria-busy={drain.isPending} onClick={() => { drain.mutate({ name: worker.name, drain: false }); }}>
                          <Play size={14} aria-hidden />
                          Resume
                        </Button>
                      ) : (
                        <Button aria-label={`Drain ${worker.name}`} aria-busy={drain.isPending} onClick={() => { drain.mutate({ name: worker.name, drain: true }); }}>
                          <LogOut size={14} aria-hidden />
                          Drain
                        </Button>
                      )}
                    </span>
                  )}
                </Td>
              )}
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

function Seen({ at, now }: { at: Date | null; now: number }) {
  if (at === null) return <>–</>;
  return <time dateTime={at.toISOString()} title={formatExact(at)}>{formatRelative(at, now)}</time>;
}

function stateOf(worker: Worker, healthy: boolean) {
  if (!healthy) return <StateText icon={OctagonX} tone="red" text="Lost" />;
  if (worker.isDraining) return <StateText icon={LogOut} tone="amber" text="Draining" />;
  return <StateText icon={CircleCheck} tone="green" text="Healthy" />;
}

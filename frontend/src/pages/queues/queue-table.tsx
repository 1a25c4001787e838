import { Link } from "@tanstack/react-router";
import { CircleCheck, List, OctagonX, Pause, Play, Trash2 } from "lucide-react";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import type { Queue } from "../../api/overview";
import { purgeQueue } from "../../api/operations";
import { Button } from "../../components/button";
import { Confirm } from "../../components/confirm";
import { Menu } from "../../components/menu";
import { StateText } from "../../components/state-text";
import { RowHead, Td, Th } from "../../components/table";
import { STATUS } from "../../components/status";
import { useJob } from "../../hooks/use-job";
import { useQueueActions } from "../../hooks/use-queue-actions";
import { formatCount, joinClasses, plural } from "../../lib/format";
import { sendUnlessUndone } from "../../lib/toasts";

const COUNTS = ["pending", "running", "scheduled", "retrying", "dead"] as const;

interface QueueTableProps {
  queues: readonly Queue[];
  chosen: string | undefined;
  mayAct: boolean;
  onChoose: (name: string) => void;
  onPause: (name: string) => void;
}

/** Which columns leave first as it gets narrow. */
function narrow(status: (typeof COUNTS)[number]): string {
  if (status === "scheduled" || status === "retrying") return "max-lg:hidden";
  return status === "running" ? "max-sm:hidden" : "";
}

export function QueueTable({ queues, chosen, mayAct, onChoose, onPause }: QueueTableProps) {
  const { resume } = useQueueActions();
  const navigate = useNavigate();
  const [purging, setPurging] = useState<Queue | null>(null);
  const purge = useJob("removed");
  return (
    <>
    <table className="w-full">
      <thead>
        <tr>
          <Th>Queue</Th>
          <Th className="max-md:hidden">State</Th>
          {COUNTS.map((status) => (
            <Th key={status} className={joinClasses("text-right", narrow(status))}>{STATUS[status].label}</Th>
          ))}
          {mayAct && <Th className="text-right" />}
        </tr>
      </thead>
      <tbody>
        {queues.map((queue) => {
          const isChosen = queue.name === chosen;
          const busy = resume.isPending && resume.variables === queue.name;
          return (
            <tr
              key={queue.name}
              onClick={() => { onChoose(queue.name); }}
              className={joinClasses("h-(--row) cursor-pointer md:h-9", isChosen ? "bg-surface-2" : "hover:bg-surface-2")}
            >
              <RowHead chosen={isChosen} className="max-w-60">
                <button type="button" aria-pressed={isChosen} onClick={() => { onChoose(queue.name); }} className="block max-w-full truncate py-1.5 font-medium" title={queue.name}>
                  {queue.name}
                </button>
                <span className="md:hidden"><QueueState queue={queue} busy={busy} /></span>
              </RowHead>
              <Td className="max-md:hidden"><QueueState queue={queue} busy={busy} /></Td>
              {COUNTS.map((status) => (
                <Td key={status} className={joinClasses("text-right", narrow(status))}>
                  <CountLink queue={queue} status={status} />
                </Td>
              ))}
              {mayAct && (
                <Td className="w-40 max-md:w-24">
                  <span className="flex justify-end gap-2" onClick={(event) => { event.stopPropagation(); }}>
                    {queue.paused ? (
                      <Button kind="primary" aria-label={`Resume queue ${queue.name}`} onClick={() => { resume.mutate(queue.name); }}><Play size={14} aria-hidden />Resume</Button>
                    ) : (
                      <Button aria-label={`Pause queue ${queue.name}`} onClick={() => { onPause(queue.name); }}><Pause size={14} aria-hidden />Pause</Button>
                    )}
                    <span className="max-md:hidden">
                      <Menu
                        label={`More for queue ${queue.name}`}
                        items={[
                          { label: "Show its tasks", icon: List, run: () => void navigate({ to: "/tasks", search: { queue: queue.name } }) },
                          { label: "Purge pending…", icon: Trash2, danger: true, run: () => { setPurging(queue); } },
                          { label: "Show its dead letters", icon: OctagonX, run: () => void navigate({ to: "/tasks", search: { queue: queue.name, status: "dead" } }) },
                        ]}
                      />
                    </span>
                  </span>
                </Td>
              )}
            </tr>
          );
        })}
      </tbody>
    </table>
      {purging !== null && (
        <Confirm
          title={`Purge queue ${purging.name}`}
          consequence={`Its ${plural(purging.counts.pending, "pending task")} are removed for good, with their payloads. What runs goes on. You can take it back for 6 s.`}
          confirm={`Purge ${formatCount(purging.counts.pending)}`}
          typed={purging.counts.pending > 100 ? String(purging.counts.pending) : undefined}
          onConfirm={() => { sendUnlessUndone({ text: `Queue \`${purging.name}\` is purged`, send: () => { purge.start(() => purgeQueue(purging.name)); } }); }}
          onClose={() => { setPurging(null); }}
        />
      )}
    </>
  );
}

function QueueState({ queue, busy }: { queue: Queue; busy: boolean }) {
  return (
    <span aria-busy={busy} className="aria-busy:opacity-60">
      {queue.paused ? <StateText icon={Pause} tone="amber" text="Paused" /> : <StateText icon={CircleCheck} tone="green" text="Active" />}
    </span>
  );
}

function CountLink({ queue, status }: { queue: Queue; status: (typeof COUNTS)[number] }) {
  const count = queue.counts[status];
  const most = status === "running" ? (queue.limit?.concurrency ?? null) : null;
  return (
    <Link
      to="/tasks"
      search={{ queue: queue.name, status }}
      aria-label={`${formatCount(count)} ${STATUS[status].label.toLowerCase()} in ${queue.name}${most === null ? "" : `, at most ${formatCount(most)} at once`}`}
      className={joinClasses(
        "inline-block min-w-6 py-0.5 hover:text-accent hover:underline",
        count === 0 && "text-text-3",
        status === "pending" && count > 0 && "font-medium",
        status === "dead" && count > 0 && "text-red-fg",
      )}
    >
      {formatCount(count)}
      {most !== null && <span className="text-text-3"> / {formatCount(most)}</span>}
    </Link>
  );
}

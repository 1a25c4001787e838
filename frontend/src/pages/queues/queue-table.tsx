import { Link } from "@tanstack/react-router";
import { CircleCheck, List, OctagonX, Pause, Play, Trash2 } from "lucide-react";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import type { Queue } from "../../api/overview";
import type { QueueSeries, Stats } from "../../api/stats";
import { purgeQueue } from "../../api/operations";
import { Button } from "../../components/button";
import { Confirm } from "../../components/confirm";
import { Menu } from "../../components/menu";
import { Spark } from "../../components/spark";
import { StateText } from "../../components/state-text";
import { RowHead, Td, Th } from "../../components/table";
import { STATUS } from "../../components/status";
import { useJob } from "../../hooks/use-job";
import { useNow } from "../../hooks/use-now";
import { useQueueActions } from "../../hooks/use-queue-actions";
import { formatCount, formatPercent, formatRate, joinClasses, plural } from "../../lib/format";
import { formatDuration, formatWait } from "../../lib/time";
import { sendUnlessUndone } from "../../lib/toasts";
import { flowOf } from "./flow";

/** From this share on, failed attempts are red. */
const MANY_FAILED = 0.01;
const NO_SERIES: QueueSeries = { submitted: [], ended: [], retried: [], dead: [] };

interface QueueTableProps {
  queues: readonly Queue[];
  /** The last hour of each; null where this key may not read it. */
  stats: Stats | null;
  chosen: string | undefined;
  mayAct: boolean;
  onChoose: (name: string) => void;
  onPause: (name: string) => void;
}

export function QueueTable({ queues, stats, chosen, mayAct, onChoose, onPause }: QueueTableProps) {
  const { resume } = useQueueActions();
  const navigate = useNavigate();
  const now = useNow();
  const [purging, setPurging] = useState<Queue | null>(null);
  const purge = useJob("removed");
  return (
    <>
    <table className="w-full">
      <thead>
        <tr>
          <Th>Queue</Th>
          <Th className="max-md:hidden">State</Th>
          <Th className="text-right">Pending</Th>
          <Th className="text-right max-sm:hidden">Oldest</Th>
          {stats !== null && (
            <>
              <Th className="text-right max-xl:hidden">Out, last hour</Th>
              <Th className="text-right max-lg:hidden">In /min</Th>
              <Th className="text-right max-lg:hidden">Out /min</Th>
            </>
          )}
          <Th className="text-right max-sm:hidden">Running / limit</Th>
          {stats !== null && (
            <>
              <Th className="text-right max-lg:hidden">Failed</Th>
              <Th className="text-right max-lg:hidden">Empty in</Th>
            </>
          )}
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
              <QueueFigures queue={queue} stats={stats} now={now} />
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

/** A key that may not read series sees what is there now alone. */
function QueueFigures({ queue, stats, now }: { queue: Queue; stats: Stats | null; now: number }) {
  const series = stats?.queues.get(queue.name) ?? NO_SERIES;
  const flow = flowOf(series, queue.counts.pending);
  const waits = queue.counts.pending > 0;
  const oldest = queue.oldestSince === null ? null : now - queue.oldestSince.getTime();
  return (
    <>
      <Td className="text-right"><CountLink queue={queue} status="pending" /></Td>
      <Td className={joinClasses("text-right whitespace-nowrap max-sm:hidden", oldest === null ? "text-text-3" : queue.paused ? "font-medium text-amber-fg" : "text-text-2")}>
        {oldest === null ? "–" : formatWait(oldest)}
      </Td>
      {stats !== null && (
        <>
          <Td className="max-xl:hidden"><span className="flex justify-end"><Spark look="line" values={series.ended.slice(0, -1)} /></span></Td>
          <Td className="text-right max-lg:hidden">{formatRate(flow.in)}</Td>
          <Td className="text-right max-lg:hidden">{formatRate(flow.out)}</Td>
        </>
      )}
      <Td className="text-right max-sm:hidden"><CountLink queue={queue} status="running" /></Td>
      {stats !== null && (
        <>
          <Td className={joinClasses("text-right whitespace-nowrap max-lg:hidden", (flow.failedShare ?? 0) >= MANY_FAILED ? "text-red-fg" : "text-text-2")}>
            {flow.failedShare === null ? "–" : `${formatPercent(flow.failedShare)} %`}
          </Td>
          <Td className={joinClasses("text-right whitespace-nowrap max-lg:hidden", !waits ? "text-text-3" : flow.emptyInMs === null ? "text-amber-fg" : "text-text-2")}>
            {!waits ? "–" : flow.emptyInMs === null ? "never" : formatDuration(flow.emptyInMs)}
          </Td>
        </>
      )}
    </>
  );
}

function CountLink({ queue, status }: { queue: Queue; status: "pending" | "running" }) {
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
      )}
    >
      {formatCount(count)}
      {status === "running" && <span className="text-text-3"> / {most === null ? "–" : formatCount(most)}</span>}
    </Link>
  );
}

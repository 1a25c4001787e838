import { Link } from "@tanstack/react-router";
import { CircleCheck, Pause, Play } from "lucide-react";
import type { Queue } from "../../api/overview";
import type { QueueSeries, Stats } from "../../api/stats";
import { Button } from "../../components/button";
import { Spark } from "../../components/spark";
import { StateText } from "../../components/state-text";
import { RowHead, Td, Th } from "../../components/table";
import { STATUS } from "../../components/status";
import { useNow } from "../../hooks/use-now";
import { useQueueActions } from "../../hooks/use-queue-actions";
import { formatCount, formatPercent, formatRate, joinClasses } from "../../lib/format";
import { formatDuration, formatWait } from "../../lib/time";
import { flowOf } from "./flow";
import { QueueMenu } from "./queue-menu";

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
  const now = useNow();
  return (
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
              <RowHead chosen={isChosen} className="max-w-40 min-[1440px]:max-w-60 max-md:w-full max-md:max-w-0">
                <button type="button" aria-pressed={isChosen} onClick={() => { onChoose(queue.name); }} className="block max-w-full truncate py-1.5 font-medium max-md:min-h-11 max-md:pb-0" title={queue.name}>
                  {queue.name}
                </button>
                <span className="block pb-2 text-12 md:hidden"><QueueState queue={queue} busy={busy} /></span>
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
                    <span className="max-md:hidden"><QueueMenu queue={queue} /></span>
                  </span>
                </Td>
              )}
            </tr>
          );
        })}
      </tbody>
    </table>
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
        "target inline-block min-w-6 py-0.5 hover:text-accent hover:underline",
        count === 0 && "text-text-3",
        status === "pending" && count > 0 && "font-medium",
      )}
    >
      {formatCount(count)}
      {status === "running" && <span className="text-text-3"> / {most === null ? "–" : formatCount(most)}</span>}
    </Link>
  );
}

import { RotateCw } from "lucide-react";
import { useState } from "react";
import type { ErrorGroup } from "../../api/dead-letters";
import type { Pace } from "../../api/operations";
import { deleteDead, requeueDead } from "../../api/operations";
import { Button } from "../../components/button";
import { Confirm } from "../../components/confirm";
import { LoadBar } from "../../components/load-bar";
import { Segmented } from "../../components/segmented";
import { useJob } from "../../hooks/use-job";
import { formatCount, plural } from "../../lib/format";
import { formatSetting } from "../../lib/time";
import { sendUnlessUndone } from "../../lib/toasts";

type PaceName = "all" | "slow" | "one";

const TASKS_A_SECOND = 20;
const TYPE_NUMBER_ABOVE = 100;
const PACE: Readonly<Record<PaceName, Pace>> = { all: {}, slow: { per_second: TASKS_A_SECOND }, one: { first: 1 } };

function consequence(pace: PaceName, count: number): string {
  const twice = "Attempts start again at 1. Work done before the failure may be done twice.";
  if (pace === "one") return `One task first; the rest when it has completed. ${twice}`;
  if (pace === "all") return `They start as fast as the workers take them. ${twice}`;
  return `Takes about ${formatSetting(Math.ceil(count / TASKS_A_SECOND) * 1000)}. ${twice}`;
}

/** How fast to try a group again, and what that means, before the button that does it. */
export function RequeueBox({ group }: { group: ErrorGroup }) {
  const [pace, setPace] = useState<PaceName>(group.count > 20 ? "slow" : "all");
  const [isPurging, setPurging] = useState(false);
  const requeue = useJob("requeued");
  const purge = useJob("deleted");
  const { fingerprint, count } = group;
  const running = requeue.job ?? purge.job;
  const isBusy = requeue.isBusy || purge.isBusy;
  return (
    <section aria-label="Requeue this group">
      <h3 className="font-semibold">Requeue {plural(count, "task")}</h3>
      <Segmented
        label="Pace"
        value={pace}
        onPick={setPace}
        className="mt-3 flex w-full"
        options={[
          { value: "all", text: "All at once" },
          { value: "slow", text: `${TASKS_A_SECOND} per s` },
          { value: "one", text: "1 first" },
        ]}
      />
      <p className="mt-2.5 text-12 text-text-2">{consequence(pace, count)}</p>
      {!isBusy ? (
        <div className="mt-3 flex gap-2">
          <Button kind="primary" className="flex-1 md:h-8" onClick={() => { requeue.start(() => requeueDead({ fingerprint }, PACE[pace])); }}>
            <RotateCw size={14} aria-hidden />
            Requeue {formatCount(count)}
          </Button>
          <Button kind="danger" className="md:h-8" onClick={() => { setPurging(true); }}>Purge…</Button>
        </div>
      ) : (
        <div className="mt-3" role="status">
          <p className="flex items-center justify-between">
            {running === null ? "Starting" : `${formatCount(running.done)} of ${formatCount(running.total ?? count)}`}
            <Button onClick={() => { requeue.stop(); purge.stop(); }}>Stop</Button>
          </p>
          <LoadBar share={(running?.done ?? 0) / Math.max(1, running?.total ?? count)} tone="accent" className="mt-2 w-full" />
          <p className="mt-2 text-12 text-text-2">It goes on when you leave this page.</p>
        </div>
      )}
      {isPurging && (
        <Confirm
          title={`Delete ${plural(count, "dead task")}`}
          consequence="Their payloads and errors are removed for good. You can take it back for 6 s."
          confirm={`Delete ${formatCount(count)}`}
          typed={count > TYPE_NUMBER_ABOVE ? String(count) : undefined}
          onConfirm={() => { sendUnlessUndone({ text: `${plural(count, "dead task is", "dead tasks are")} deleted`, send: () => { purge.start(() => deleteDead({ fingerprint })); } }); }}
          onClose={() => { setPurging(false); }}
        />
      )}
    </section>
  );
}

import { Ban, RotateCw, Trash2, X } from "lucide-react";
import { useState } from "react";
import { cancelWaiting, deleteDead, requeueDead } from "../../api/operations";
import type { Task, TaskFilter } from "../../api/tasks";
import { Button } from "../../components/button";
import { Confirm } from "../../components/confirm";
import { IconButton } from "../../components/icon-button";
import { Kbd } from "../../components/kbd";
import { LoadBar } from "../../components/load-bar";
import { useHotkeys } from "../../hooks/use-hotkeys";
import type { Selection } from "../../hooks/use-selection";
import { useJob } from "../../hooks/use-job";
import { formatCount, plural } from "../../lib/format";
import { sendUnlessUndone } from "../../lib/toasts";
import type { BulkKind } from "./use-bulk";
import { isWaitingStatus, useBulk } from "./use-bulk";

const CONFIRM_REQUEUE_ABOVE = 20;
const TYPE_NUMBER_ABOVE = 100;

interface BulkBarProps {
  selection: Selection;
  rows: readonly Task[];
  filter: TaskFilter;
  /** How many tasks the whole filter has; null where it cannot be counted or acted on at once. */
  total: number | null;
  /** Something was begun with all of them: what is listed is old. */
  onWhole: () => void;
}

/** What can be done with the selected tasks, over the list's foot. */
export function BulkBar({ selection, rows, filter, total, onWhole }: BulkBarProps) {
  const [isAll, setAll] = useState(false);
  const requeued = useJob("requeued");
  const deleted = useJob("deleted");
  const cancelled = useJob("cancelled");
  const [asking, setAsking] = useState<BulkKind | null>(null);
  const { progress, start, stop } = useBulk(selection);
  const { selected } = selection;
  const running = rows.filter((task) => selected.has(task.id) && task.status === "running").length;
  const size = isAll && total !== null ? total : selected.size;
  const many = plural(size, "task");
  const { status } = filter;
  // By a filter the server requeues and deletes what is dead, and cancels what waits.
  const mayRequeue = !isAll || status === "dead";
  const mayCancel = !isAll || status !== "dead";
  const scope = { queue: filter.queue, task_type: filter.type };
  const begin = (kind: BulkKind) => {
    if (!isAll) {
      start(kind);
      return;
    }
    selection.clear();
    setAll(false);
    onWhole();
    if (kind === "requeue") requeued.start(() => requeueDead({ ...scope, fingerprint: filter.error }, {}));
    else if (kind === "delete") sendUnlessUndone({ text: `${many} are deleted`, send: () => { deleted.start(() => deleteDead({ ...scope, fingerprint: filter.error })); } });
    else if (isWaitingStatus(status)) {
      const waiting = status;
      cancelled.start(() => cancelWaiting(waiting, scope));
    }
  };
  const ask = (kind: BulkKind) => {
    const isPlain = kind === "requeue" ? size <= CONFIRM_REQUEUE_ABOVE : kind === "cancel" && running === 0 && !isAll;
    if (isPlain) begin(kind);
    else setAsking(kind);
  };
  useHotkeys({
    r: () => { if (selected.size > 0 && mayRequeue) ask("requeue"); },
    c: () => { if (selected.size > 0 && mayCancel) ask("cancel"); },
  });
  if (selected.size === 0 && progress === null) return null;
  const confirm = {
    requeue: { title: `Requeue ${many}`, consequence: "They start as fast as the workers take them. Attempts start again at 1. Work done before the failure may be done twice. Tasks that are not dead are skipped.", confirm: `Requeue ${formatCount(size)}` },
    cancel: { title: `Cancel ${many}`, consequence: isAll ? "They end as cancelled, and stay so. What has started meanwhile goes on; what is submitted from now on stays." : `${plural(running, "of them is running: its worker is", "of them are running: their workers are")} told to stop. What they did stays done. Tasks that have ended are skipped.`, confirm: `Cancel ${formatCount(size)}` },
    delete: { title: `Delete ${many}`, consequence: "Their payloads, results and errors are removed for good. Running ones are skipped. You can take it back for 6 s.", confirm: `Delete ${formatCount(size)}` },
  } as const;

  return (
    <div className="pointer-events-none absolute inset-x-0 bottom-4 z-20 flex justify-center px-3 max-md:bottom-2">
      <div role="toolbar" aria-label="Selected tasks" className="pointer-events-auto flex min-h-11 max-w-full flex-wrap items-center gap-2 rounded-lg border border-border bg-surface py-1.5 pr-2 pl-4 shadow-2">
        {progress === null ? (
          <>
            <p role="status" className="mr-2 font-medium">{formatCount(size)} selected</p>
            {total !== null && !isAll && total > selected.size && (
              <button type="button" onClick={() => { setAll(true); }} className="min-h-6 px-1 font-medium text-accent hover:underline">Select all {formatCount(total)} {status}</button>
            )}
            {mayRequeue && <Button kind="primary" onClick={() => { ask("requeue"); }}><RotateCw size={14} aria-hidden />Requeue<Kbd keys="R" onAccent className="max-md:hidden" /></Button>}
            {mayCancel && <Button onClick={() => { ask("cancel"); }}><Ban size={14} aria-hidden />{isAll ? "Cancel…" : "Cancel"}</Button>}
            {mayRequeue && <Button kind="danger" onClick={() => { ask("delete"); }}><Trash2 size={14} aria-hidden />Delete…</Button>}
            <IconButton icon={X} label="Clear selection" onClick={selection.clear} />
          </>
        ) : (
          <p role="status" className="flex items-center gap-3">
            {formatCount(progress.done)} of {formatCount(progress.of)}
            <LoadBar share={progress.done / Math.max(1, progress.of)} tone="accent" className="w-32" />
            <Button onClick={stop}>Stop</Button>
          </p>
        )}
      </div>
      {asking !== null && (
        <span className="pointer-events-auto">
          <Confirm
            {...confirm[asking]}
            keep="Leave them"
            typed={(asking === "delete" || (isAll && asking === "cancel")) && size > TYPE_NUMBER_ABOVE ? String(size) : undefined}
            onConfirm={() => { begin(asking); }}
            onClose={() => { setAsking(null); }}
          />
        </span>
      )}
    </div>
  );
}

import { Ban, RotateCw, Trash2, X } from "lucide-react";
import { useState } from "react";
import type { Task } from "../../api/tasks";
import { Button } from "../../components/button";
import { Confirm } from "../../components/confirm";
import { IconButton } from "../../components/icon-button";
import { Kbd } from "../../components/kbd";
import { LoadBar } from "../../components/load-bar";
import { useHotkeys } from "../../hooks/use-hotkeys";
import type { Selection } from "../../hooks/use-selection";
import { formatCount, plural } from "../../lib/format";
import type { BulkKind } from "./use-bulk";
import { useBulk } from "./use-bulk";

const CONFIRM_REQUEUE_ABOVE = 20;
const TYPE_NUMBER_ABOVE = 100;

interface BulkBarProps {
  selection: Selection;
  rows: readonly Task[];
}

/** What can be done with the selected tasks, over the list's foot. */
export function BulkBar({ selection, rows }: BulkBarProps) {
  const [asking, setAsking] = useState<BulkKind | null>(null);
  const { progress, start, stop } = useBulk(selection);
  const { selected } = selection;
  const running = rows.filter((task) => selected.has(task.id) && task.status === "running").length;
  const many = plural(selected.size, "task");
  const ask = (kind: BulkKind) => {
    const isPlain = kind === "requeue" ? selected.size <= CONFIRM_REQUEUE_ABOVE : kind === "cancel" && running === 0;
    if (isPlain) start(kind);
    else setAsking(kind);
  };
  useHotkeys({
    r: () => { ask("requeue"); },
    c: () => { ask("cancel"); },
    Escape: () => { selection.clear(); },
  });
  const confirm = {
    requeue: { title: `Requeue ${many}`, consequence: "They start as fast as the workers take them. Attempts start again at 1. Work done before the failure may be done twice. Tasks that are not dead are skipped.", confirm: `Requeue ${formatCount(selected.size)}` },
    cancel: { title: `Cancel ${many}`, consequence: `${plural(running, "of them is running: its worker is", "of them are running: their workers are")} told to stop. What they did stays done. Tasks that have ended are skipped.`, confirm: `Cancel ${formatCount(selected.size)}` },
    delete: { title: `Delete ${many}`, consequence: "Their payloads, results and errors are removed for good. Running ones are skipped. You can take it back for 6 s.", confirm: `Delete ${formatCount(selected.size)}` },
  } as const;

  return (
    <div className="pointer-events-none absolute inset-x-0 bottom-4 z-20 flex justify-center px-3 max-md:bottom-2">
      <div role="toolbar" aria-label="Selected tasks" className="pointer-events-auto flex min-h-11 max-w-full flex-wrap items-center gap-2 rounded-lg border border-border bg-surface py-1.5 pr-2 pl-4 shadow-2">
        {progress === null ? (
          <>
            <p role="status" className="mr-2 font-medium">{formatCount(selected.size)} selected</p>
            <Button kind="primary" onClick={() => { ask("requeue"); }}><RotateCw size={14} aria-hidden />Requeue<Kbd keys="R" onAccent className="max-md:hidden" /></Button>
            <Button onClick={() => { ask("cancel"); }}><Ban size={14} aria-hidden />Cancel</Button>
            <Button kind="danger" onClick={() => { ask("delete"); }}><Trash2 size={14} aria-hidden />Delete…</Button>
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
            typed={asking === "delete" && selected.size > TYPE_NUMBER_ABOVE ? String(selected.size) : undefined}
            onConfirm={() => { start(asking); }}
            onClose={() => { setAsking(null); }}
          />
        </span>
      )}
    </div>
  );
}

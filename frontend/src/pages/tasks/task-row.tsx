import { memo, useState } from "react";
import type { Task } from "../../api/tasks";
import { CopyButton } from "../../components/copy-button";
import { STATUS, TONE_TEXT } from "../../components/status";
import { noteOf, ProgressBar, progressOf } from "../../components/task-note";
import { formatCount, joinClasses, shortId } from "../../lib/format";
import { changedAt, ranMs, waitedMs } from "../../lib/task-times";
import { formatDuration, formatExact, formatRelative, formatWait } from "../../lib/time";
import { CELL } from "./columns";

const LONG_WAIT_MS = 60_000;

interface TaskRowProps {
  task: Task;
  row: number;
  /** What `timeLines` says of it now. */
  times: string;
  isCursor: boolean;
  /** Null where rows cannot be selected. */
  isSelected: boolean | null;
}

function words(ms: number | null): string {
  return ms === null ? "–" : formatDuration(ms);
}

/** All of a row that changes with time, a line each: the table listens to the clock, and a row is drawn when a word changes. */
export function timeLines(task: Task, paused: boolean, now: number): string {
  const waited = waitedMs(task, now);
  const isOverdue = task.status === "pending" && (waited ?? 0) > LONG_WAIT_MS;
  const note = noteOf(task, paused, now)?.text.replaceAll("\n", " ") ?? "";
  return [note, isOverdue ? formatWait(waited ?? 0) : words(waited), isOverdue ? "overdue" : "", words(ranMs(task, now)), formatRelative(changedAt(task), now)].join("\n");
}

/**
 * One task; its controls are reached by keys of the row, so that the table is one tab stop. Hundreds come into sight
 * while one scrolls: so few elements, the table's own listeners, a plain link, and the button only where it is shown.
 */
export const TaskRow = memo(function TaskRow({ task, row, times, isCursor, isSelected }: TaskRowProps) {
  const [isPointedAt, setPointedAt] = useState(false);
  const [note, waited, overdue, ran, changed] = times.split("\n");
  const { label, tone, icon: Icon } = STATUS[task.status];
  const fraction = progressOf(task);
  const at = changedAt(task);
  const muted = (text: string | undefined) => (text === "–" ? "text-text-3" : "text-text-2");
  return (
    <tr
      role="row"
      data-row={row}
      aria-rowindex={row + 2}
      aria-selected={isSelected ?? undefined}
      tabIndex={isCursor ? 0 : -1}
      onPointerEnter={() => { setPointedAt(true); }}
      className={joinClasses(
        "group flex h-9 cursor-pointer items-center border-b border-border -outline-offset-2 [contain:layout_size_style]",
        isSelected ? "bg-accent-soft" : "hover:bg-surface-2",
        isSelected !== null && isCursor && "shadow-[inset_3px_0_0_var(--accent)]",
      )}
    >
      {isSelected !== null && (
        <td role="cell" data-select className="flex h-9 w-9 shrink-0 items-center pl-4">
          <input type="checkbox" aria-label={`Select task ${task.id}`} tabIndex={-1} checked={isSelected} readOnly className="checkbox cursor-pointer" />
        </td>
      )}
      <td role="cell" className={joinClasses(CELL.Status, TONE_TEXT[tone], isSelected === null && "pl-4")}>
        <Icon size={14} aria-hidden className="mr-1.5 inline-block align-[-2px]" />{label}
      </td>
      <td role="cell" title={task.type} className={`${CELL.Type} font-mono`}>{task.type}</td>
      <td role="cell" className={CELL.Task}>
        <a href={`/tasks/${task.id}`} tabIndex={-1} title={task.id} className="font-mono text-text-2 hover:text-accent hover:underline">{shortId(task.id)}</a>
        {(isPointedAt || isCursor) && (
          <span className="hidden align-middle max-[900px]:!hidden group-focus-within:inline-block group-hover:inline-block"><CopyButton text={task.id} name="id" tabIndex={-1} /></span>
        )}
      </td>
      <td role="cell" title={note} className={`${CELL.Note} text-text-2`}>{fraction !== null && <ProgressBar fraction={fraction} />}{note}</td>
      <td role="cell" title={task.queue} className={CELL.Queue}>{task.queue}</td>
      <td role="cell" className={CELL.Priority}>{formatCount(task.priority)}</td>
      <td role="cell" className={CELL.Attempt}>{`${task.attempt}/${task.maxRetries + 1}`}</td>
      <td role="cell" className={`${CELL.Waited} ${overdue === "" ? muted(waited) : "font-medium text-amber-fg"}`}>{waited}</td>
      <td role="cell" className={`${CELL.Ran} ${muted(ran)}`}>{ran}</td>
      <td role="cell" title={task.worker ?? undefined} className={`${CELL.Worker} font-mono text-text-2`}>{task.worker ?? "–"}</td>
      <td role="cell" title={isPointedAt ? formatExact(at) : undefined} className={`${CELL.Changed} text-text-2`}>{changed}</td>
    </tr>
  );
});

import { Link } from "@tanstack/react-router";
import type { MouseEvent, ReactNode } from "react";
import { memo } from "react";
import type { Task } from "../../api/tasks";
import { Checkbox } from "../../components/checkbox";
import { CopyButton } from "../../components/copy-button";
import { StatusBadge } from "../../components/status-badge";
import { noteOf, TaskNote } from "../../components/task-note";
import { TimeText } from "../../components/time-text";
import { useNow } from "../../hooks/use-now";
import { formatCount, joinClasses, shortId } from "../../lib/format";
import { changedAt, ranMs, waitedMs } from "../../lib/task-times";
import { formatDuration } from "../../lib/time";
import type { ColumnName } from "./columns";
import { COLUMNS } from "./columns";

const LONG_WAIT_MS = 60_000;

interface TaskRowProps {
  task: Task;
  row: number;
  paused: boolean;
  isCursor: boolean;
  /** Null where rows cannot be selected. */
  isSelected: boolean | null;
  onCursor: (row: number) => void;
  onOpen: (task: Task) => void;
  onSelect: (isRange: boolean) => void;
}

function Span({ ms }: { ms: number | null }) {
  return ms === null ? <span className="text-text-3">–</span> : <>{formatDuration(ms)}</>;
}

/** One task; its controls are reached by keys of the row, so that the table is one tab stop. */
export const TaskRow = memo(function TaskRow({ task, row, paused, isCursor, isSelected, onCursor, onOpen, onSelect }: TaskRowProps) {
  const now = useNow();
  const open = (event: MouseEvent) => {
    const inControl = event.target instanceof Element && event.target.closest("a, button, label") !== null;
    if (inControl || window.getSelection()?.type === "Range") return;
    onOpen(task);
  };
  const waited = waitedMs(task, now);
  const overdue = task.status === "pending" && waited !== null && waited > LONG_WAIT_MS;
  const cells: Record<ColumnName, ReactNode> = {
    Status: <StatusBadge status={task.status} />,
    Type: <span className="font-mono" title={task.type}>{task.type}</span>,
    Task: (
      <span className="flex items-center gap-1">
        <Link
          to="/tasks/$taskId"
          params={{ taskId: task.id }}
          tabIndex={-1}
          title={task.id}
          className="font-mono text-text-2 hover:text-accent hover:underline"
        >
          <span className="sr-only">Task </span>
          {shortId(task.id)}
        </Link>
        <CopyButton text={task.id} name="id" tabIndex={-1} className="opacity-0 group-hover:opacity-100 focus-visible:opacity-100" />
      </span>
    ),
    Note: <span className="text-text-2"><TaskNote note={noteOf(task, paused, now)} /></span>,
    Queue: <span title={task.queue}>{task.queue}</span>,
    Priority: formatCount(task.priority),
    Attempt: `${task.attempt}/${task.maxRetries + 1}`,
    Waited: <span className={overdue ? "font-medium text-amber-fg" : "text-text-2"}><Span ms={waited} /></span>,
    Ran: <span className="text-text-2"><Span ms={ranMs(task, now)} /></span>,
    Worker: <span className="font-mono text-text-2" title={task.worker ?? undefined}>{task.worker ?? "–"}</span>,
    Changed: <TimeText at={changedAt(task)} className="text-text-2" />,
  };
  return (
    <tr
      data-row={row}
      aria-rowindex={row + 2}
      aria-selected={isSelected ?? undefined}
      tabIndex={isCursor ? 0 : -1}
      onFocus={() => { onCursor(row); }}
      onClick={open}
      className={joinClasses("group h-9 cursor-pointer -outline-offset-2", isSelected ? "bg-accent-soft" : "hover:bg-surface-2")}
    >
      {isSelected !== null && (
        <td className={joinClasses("border-b border-border pl-4", isCursor && "shadow-[inset_3px_0_0_var(--accent)]")}>
          <Checkbox label={`Select task ${task.id}`} tabIndex={-1} checked={isSelected} onToggle={onSelect} />
        </td>
      )}
      {COLUMNS.map(({ name, className }) => (
        <td key={name} className={joinClasses("truncate border-b border-border px-2", isSelected === null && "first:pl-4", className)}>
          {cells[name]}
        </td>
      ))}
    </tr>
  );
});

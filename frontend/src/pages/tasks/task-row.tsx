import type { MouseEvent, ReactNode } from "react";
import { memo } from "react";
import type { Task } from "../../api/tasks";
import { Checkbox } from "../../components/checkbox";
import { CopyButton } from "../../components/copy-button";
import { StatusBadge } from "../../components/status-badge";
import { TaskNote } from "../../components/task-note";
import { TimeText } from "../../components/time-text";
import { useNowText } from "../../hooks/use-now";
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
  onSelect: (id: string, isRange: boolean) => void;
}

function words(ms: number | null): string {
  return ms === null ? "–" : formatDuration(ms);
}

function Waited({ task }: { task: Task }) {
  const text = useNowText((now) => words(waitedMs(task, now)));
  const isOverdue = useNowText((now) => (task.status === "pending" && (waitedMs(task, now) ?? 0) > LONG_WAIT_MS ? "overdue" : "")) !== "";
  return <span className={isOverdue ? "font-medium text-amber-fg" : text === "–" ? "text-text-3" : "text-text-2"}>{text}</span>;
}

function Ran({ task }: { task: Task }) {
  const text = useNowText((now) => words(ranMs(task, now)));
  return <span className={text === "–" ? "text-text-3" : "text-text-2"}>{text}</span>;
}

/** One task; its controls are reached by keys of the row, so that the table is one tab stop. */
export const TaskRow = memo(function TaskRow({ task, row, paused, isCursor, isSelected, onCursor, onOpen, onSelect }: TaskRowProps) {
  const open = (event: MouseEvent) => {
    const inControl = event.target instanceof Element && event.target.closest("a, button, label") !== null;
    if (inControl || window.getSelection()?.type === "Range") return;
    onOpen(task);
  };
  const follow = (event: MouseEvent) => {
    if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    onOpen(task);
  };
  const cells: Record<ColumnName, ReactNode> = {
    Status: <StatusBadge status={task.status} />,
    Type: <span className="font-mono" title={task.type}>{task.type}</span>,
    Task: (
      <span className="flex items-center gap-1">
        {/* A plain link, as hundreds come into sight while one scrolls: a router's resolves its address each time. */}
        <a href={`/tasks/${task.id}`} onClick={follow} tabIndex={-1} title={task.id} className="font-mono text-text-2 hover:text-accent hover:underline">
          <span className="sr-only">Task </span>
          {shortId(task.id)}
        </a>
        <span className="hidden group-focus-within:block group-hover:block"><CopyButton text={task.id} name="id" tabIndex={-1} /></span>
      </span>
    ),
    Note: <span className="text-text-2"><TaskNote task={task} queuePaused={paused} /></span>,
    Queue: <span title={task.queue}>{task.queue}</span>,
    Priority: formatCount(task.priority),
    Attempt: `${task.attempt}/${task.maxRetries + 1}`,
    Waited: <Waited task={task} />,
    Ran: <Ran task={task} />,
    Worker: <span className="font-mono text-text-2" title={task.worker ?? undefined}>{task.worker ?? "–"}</span>,
    Changed: <TimeText at={changedAt(task)} className="text-text-2" />,
  };
  return (
    <tr
      role="row"
      data-row={row}
      aria-rowindex={row + 2}
      aria-selected={isSelected ?? undefined}
      tabIndex={isCursor ? 0 : -1}
      onFocus={() => { onCursor(row); }}
      onClick={open}
      className={joinClasses(
        "group flex h-9 cursor-pointer items-center border-b border-border -outline-offset-2 [contain:layout_size_style]",
        isSelected ? "bg-accent-soft" : "hover:bg-surface-2",
        isSelected !== null && isCursor && "shadow-[inset_3px_0_0_var(--accent)]",
      )}
    >
      {isSelected !== null && (
        <td role="cell" className="w-9 shrink-0 pl-4">
          <Checkbox label={`Select task ${task.id}`} tabIndex={-1} checked={isSelected} onToggle={(isRange) => { onSelect(task.id, isRange); }} />
        </td>
      )}
      {COLUMNS.map(({ name, className }) => (
        <td key={name} role="cell" className={joinClasses("px-2 whitespace-nowrap", isSelected === null && "first:pl-4", className)}>
          {cells[name]}
        </td>
      ))}
    </tr>
  );
});

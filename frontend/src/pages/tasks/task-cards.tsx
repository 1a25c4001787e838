import { Link } from "@tanstack/react-router";
import type { RefObject } from "react";
import type { Task } from "../../api/tasks";
import { Checkbox } from "../../components/checkbox";
import { STATUS, TONE_TEXT } from "../../components/status";
import { noteOf } from "../../components/task-note";
import { TimeText } from "../../components/time-text";
import type { Selection } from "../../hooks/use-selection";
import { useNow } from "../../hooks/use-now";
import { useVirtualRows } from "../../hooks/use-virtual-rows";
import { joinClasses } from "../../lib/format";
import { changedAt } from "../../lib/task-times";

const ROW_HEIGHT = 64;

interface TaskCardsProps {
  rows: readonly Task[];
  pausedQueues: ReadonlySet<string>;
  scrollBox: RefObject<HTMLElement | null>;
  selection: Selection | null;
}

/** The list on phones: two lines a task. */
export function TaskCards({ rows, pausedQueues, scrollBox, selection }: TaskCardsProps) {
  const { start, end, before, after } = useVirtualRows(scrollBox, rows.length, ROW_HEIGHT);
  return (
    <ul aria-label="Tasks" style={{ paddingTop: before, paddingBottom: after }}>
      {rows.slice(start, end).map((task, index) => (
        <li key={task.id} aria-setsize={rows.length} aria-posinset={start + index + 1} className={joinClasses("flex h-16 border-b border-border", selection?.selected.has(task.id) && "bg-accent-soft")}>
          {selection !== null && (
            <span className="flex w-11 shrink-0 items-center justify-center">
              <Checkbox label={`Select task ${task.id}`} checked={selection.selected.has(task.id)} onToggle={(isRange) => { selection.toggle(rows.map((each) => each.id), task.id, isRange); }} />
            </span>
          )}
          <TaskCard task={task} paused={pausedQueues.has(task.queue)} inset={selection === null} />
        </li>
      ))}
    </ul>
  );
}

function TaskCard({ task, paused, inset }: { task: Task; paused: boolean; inset: boolean }) {
  const note = noteOf(task, paused, useNow());
  const { icon: Icon, label, tone } = STATUS[task.status];
  return (
    <Link to="/tasks/$taskId" params={{ taskId: task.id }} className={joinClasses("flex h-full min-w-0 flex-1 items-start gap-3 pt-2.5 pr-4", inset && "pl-4")}>
      <Icon size={16} aria-hidden className={joinClasses("mt-0.5 shrink-0", TONE_TEXT[tone])} />
      <span className="min-w-0 flex-1">
        <span className="flex items-baseline gap-3">
          <span className="truncate font-mono">{task.type}</span>
          <TimeText at={changedAt(task)} className="ml-auto shrink-0 text-12 text-text-3" />
        </span>
        <span className="mt-0.5 flex items-baseline gap-3 text-12 text-text-2">
          <span className="truncate" title={note?.text}>
            {note === null ? label : `${label} · ${note.text}`}
          </span>
          <span className="ml-auto flex max-w-1/2 shrink-0 text-text-3">
            <span className="truncate" title={task.queue}>{task.queue}</span>
            <span className="shrink-0 whitespace-pre"> · {task.attempt}/{task.maxRetries + 1}</span>
          </span>
        </span>
      </span>
    </Link>
  );
}

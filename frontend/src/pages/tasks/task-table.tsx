import { ArrowDown } from "lucide-react";
import type { KeyboardEvent, RefObject } from "react";
import { useEffect, useRef } from "react";
import type { Task } from "../../api/tasks";
import { Checkbox } from "../../components/checkbox";
import type { Selection } from "../../hooks/use-selection";
import { useVirtualRows } from "../../hooks/use-virtual-rows";
import { joinClasses } from "../../lib/format";
import { ALWAYS_SHOWN, COLUMNS } from "./columns";
import { TaskRow } from "./task-row";

const ROW_HEIGHT = 36;

interface TaskTableProps {
  rows: readonly Task[];
  pausedQueues: ReadonlySet<string>;
  scrollBox: RefObject<HTMLElement | null>;
  hasMore: boolean;
  /** The newest change comes first. */
  newestFirst: boolean;
  /** Null where the key may only read. */
  selection: Selection | null;
  /** The row that keys act on. */
  cursor: number;
  onCursor: (row: number) => void;
  onOpen: (task: Task) => void;
  onPeek: (task: Task) => void;
}

/** The list as a table: one tab stop, arrows move inside. Only the rows in sight are drawn. */
export function TaskTable({ rows, pausedQueues, scrollBox, hasMore, newestFirst, selection, cursor, onCursor, onOpen, onPeek }: TaskTableProps) {
  const { start, end, before, after } = useVirtualRows(scrollBox, rows.length, ROW_HEIGHT);
  const body = useRef<HTMLTableSectionElement>(null);
  const wantsFocus = useRef(false);
  const ids = rows.map((task) => task.id);
  const all = selection !== null && rows.length > 0 && rows.every((task) => selection.selected.has(task.id));
  const some = selection !== null && selection.selected.size > 0;

  useEffect(() => {
    if (!wantsFocus.current) return;
    const row = body.current?.querySelector<HTMLElement>(`[data-row="${cursor}"]`);
    if (row === null || row === undefined) return; // not drawn yet: it will be after the scroll
    wantsFocus.current = false;
    row.focus({ preventScroll: true });
  });
  const moveTo = (row: number) => {
    const next = Math.min(rows.length - 1, Math.max(0, row));
    const box = scrollBox.current;
    if (box !== null) {
      const top = next * ROW_HEIGHT;
      if (top < box.scrollTop) box.scrollTo({ top });
      else if (top + 2 * ROW_HEIGHT > box.scrollTop + box.clientHeight) box.scrollTo({ top: top + 2 * ROW_HEIGHT - box.clientHeight });
    }
    wantsFocus.current = true;
    onCursor(next);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.max(1, Math.floor((scrollBox.current?.clientHeight ?? 360) / ROW_HEIGHT) - 1);
    const target = { ArrowDown: cursor + 1, ArrowUp: cursor - 1, PageDown: cursor + page, PageUp: cursor - page, Home: 0, End: rows.length - 1 }[event.key];
    const task = rows[cursor];
    const onRow = event.target instanceof HTMLElement && event.target.dataset.row !== undefined;
    if (target !== undefined) {
      event.preventDefault();
      moveTo(target);
    } else if (task !== undefined && onRow && event.key === "Enter") {
      event.preventDefault();
      onOpen(task);
    } else if (task !== undefined && onRow && event.key === " ") {
      event.preventDefault();
      onPeek(task);
    }
  };

  return (
    <table className="w-full table-fixed border-separate border-spacing-0" aria-rowcount={hasMore ? -1 : rows.length + 1}>
      <thead>
        <tr aria-rowindex={1}>
          {selection !== null && (
            <th scope="col" className="sticky top-0 z-10 h-9 w-9 border-b border-border bg-surface pl-4">
              <Checkbox
                label="Select what is loaded"
                checked={all}
                mixed={some && !all}
                onToggle={() => { if (all) selection.clear(); else selection.set(ids); }}
              />
            </th>
          )}
          {COLUMNS.map(({ name, className }) => (
            <th
              key={name}
              scope="col"
              aria-sort={newestFirst && name === "Changed" ? "descending" : undefined}
              className={joinClasses("sticky top-0 z-10 h-9 border-b border-border bg-surface px-2 text-left text-12 font-medium text-text-2", selection === null && "first:pl-4", className)}
            >
              {name}
              {newestFirst && name === "Changed" && <ArrowDown size={12} aria-hidden className="ml-1 inline" />}
            </th>
          ))}
        </tr>
      </thead>
      <tbody ref={body} onKeyDown={onKeyDown}>
        <Gap height={before} selectable={selection !== null} />
        {rows.slice(start, end).map((task, index) => (
          <TaskRow
            key={task.id}
            task={task}
            row={start + index}
            paused={pausedQueues.has(task.queue)}
            isCursor={start + index === cursor}
            isSelected={selection?.selected.has(task.id) ?? null}
            onCursor={onCursor}
            onOpen={onOpen}
            onSelect={(isRange) => { selection?.toggle(ids, task.id, isRange); }}
          />
        ))}
        <Gap height={after} selectable={selection !== null} />
      </tbody>
    </table>
  );
}

function Gap({ height, selectable }: { height: number; selectable: boolean }) {
  if (height <= 0) return null;
  return (
    <tr aria-hidden>
      <td colSpan={ALWAYS_SHOWN + (selectable ? 1 : 0)} style={{ height }} />
    </tr>
  );
}

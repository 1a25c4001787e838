import { ArrowDown } from "lucide-react";
import type { FocusEvent, KeyboardEvent, MouseEvent, RefObject } from "react";
import { memo, useCallback, useEffect, useMemo, useRef } from "react";
import type { Task } from "../../api/tasks";
import { Checkbox } from "../../components/checkbox";
import { useNow } from "../../hooks/use-now";
import type { Selection } from "../../hooks/use-selection";
import { useVirtualRows } from "../../hooks/use-virtual-rows";
import { joinClasses } from "../../lib/format";
import { COLUMNS } from "./columns";
import { TaskRow, timeLines } from "./task-row";

const ROW_HEIGHT = 36;
const NONE: ReadonlySet<string> = new Set();

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
  /** The row of the cursor gets the focus when it is first drawn. */
  takesFocus: boolean;
  onCursor: (row: number) => void;
  onOpen: (task: Task) => void;
  onPeek: (task: Task) => void;
}

/** The row that an element stands in. */
function rowOf(target: EventTarget): number | null {
  const row = target instanceof Element ? target.closest<HTMLElement>("[data-row]")?.dataset.row : undefined;
  return row === undefined ? null : Number(row);
}

/** The list as a table: one tab stop, arrows move inside. Only the rows in sight are drawn. */
export function TaskTable({ rows, pausedQueues, scrollBox, hasMore, newestFirst, selection, cursor, takesFocus, onCursor, onOpen, onPeek }: TaskTableProps) {
  const { start, end, before, after } = useVirtualRows(scrollBox, rows.length, ROW_HEIGHT);
  const now = useNow();
  const body = useRef<HTMLTableSectionElement>(null);
  const wantsFocus = useRef(takesFocus);
  const ids = useMemo(() => rows.map((task) => task.id), [rows]);
  const selected = selection?.selected ?? NONE;
  const all = useMemo(() => selected.size >= ids.length && ids.length > 0 && ids.every((id) => selected.has(id)), [ids, selected]);
  const { set: select, clear } = selection ?? {};

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

  const onFocus = (event: FocusEvent) => {
    const row = rowOf(event.target);
    if (row !== null) onCursor(row);
  };
  const onClick = (event: MouseEvent) => {
    const { target } = event;
    const task = rows[rowOf(target) ?? -1];
    if (task === undefined || !(target instanceof Element) || target.closest("button") !== null) return;
    if (target.closest("[data-select]") !== null) {
      selection?.toggle(ids, task.id, event.shiftKey);
      return;
    }
    if (target.closest("a") !== null) {
      if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
      event.preventDefault();
    } else if (window.getSelection()?.type === "Range") return;
    onOpen(task);
  };
  const onAll = useCallback(() => { if (all) clear?.(); else select?.(ids); }, [all, ids, clear, select]);

  // Boxes instead of a table's layout, which draws all rows again when one comes into sight; the roles say what they are.
  return (
    <table role="table" className="block w-full" aria-rowcount={hasMore ? -1 : rows.length + 1}>
      <Head newestFirst={newestFirst} all={all} some={selected.size > 0} onAll={selection === null ? null : onAll} />
      <tbody ref={body} role="rowgroup" onKeyDown={onKeyDown} onFocus={onFocus} onClick={onClick} className="block group-data-moving/list:pointer-events-none" style={{ paddingTop: before, paddingBottom: after }}>
        {rows.slice(start, end).map((task, index) => (
          <TaskRow
            key={task.id}
            task={task}
            row={start + index}
            times={timeLines(task, pausedQueues.has(task.queue), now)}
            isCursor={start + index === cursor}
            isSelected={selection === null ? null : selected.has(task.id)}
          />
        ))}
      </tbody>
    </table>
  );
}

interface HeadProps {
  newestFirst: boolean;
  all: boolean;
  some: boolean;
  /** Selects what is loaded, or nothing; null where rows cannot be selected. */
  onAll: (() => void) | null;
}

const Head = memo(function Head({ newestFirst, all, some, onAll }: HeadProps) {
  return (
    <thead role="rowgroup" className="sticky top-0 z-10 block bg-surface">
      <tr role="row" aria-rowindex={1} className="flex h-9 items-center border-b border-border">
        {onAll !== null && (
          <th role="columnheader" className="w-9 shrink-0 pl-4">
            <Checkbox label="Select what is loaded" checked={all} mixed={some && !all} onToggle={onAll} />
          </th>
        )}
        {COLUMNS.map(({ name, className }) => (
          <th
            key={name}
            role="columnheader"
            aria-sort={newestFirst && name === "Changed" ? "descending" : undefined}
            className={joinClasses("px-2 text-left text-12 font-medium text-text-2", onAll === null && "first:pl-4", className)}
          >
            {name}
            {newestFirst && name === "Changed" && <ArrowDown size={12} aria-hidden className="ml-1 inline" />}
          </th>
        ))}
      </tr>
    </thead>
  );
});

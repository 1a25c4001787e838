import { ArrowDown } from "lucide-react";
import type { KeyboardEvent, RefObject } from "react";
import { useCallback, useEffect, useMemo, useRef } from "react";
import type { Task } from "../../api/tasks";
import { Checkbox } from "../../components/checkbox";
import type { Selection } from "../../hooks/use-selection";
import { useVirtualRows } from "../../hooks/use-virtual-rows";
import { joinClasses } from "../../lib/format";
import { COLUMNS } from "./columns";
import { TaskRow } from "./task-row";

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
  onCursor: (row: number) => void;
  onOpen: (task: Task) => void;
  onPeek: (task: Task) => void;
}

/** The list as a table: one tab stop, arrows move inside. Only the rows in sight are drawn. */
export function TaskTable({ rows, pausedQueues, scrollBox, hasMore, newestFirst, selection, cursor, onCursor, onOpen, onPeek }: TaskTableProps) {
  const { start, end, before, after } = useVirtualRows(scrollBox, rows.length, ROW_HEIGHT);
  const body = useRef<HTMLTableSectionElement>(null);
  const wantsFocus = useRef(false);
  const ids = useMemo(() => rows.map((task) => task.id), [rows]);
  const selected = selection?.selected ?? NONE;
  const all = useMemo(() => selected.size >= ids.length && ids.length > 0 && ids.every((id) => selected.has(id)), [ids, selected]);
  const some = selected.size > 0;
  // The same for every row at all times, so that a row is drawn again only when it changes.
  const latest = useRef({ ids, selection });
  useEffect(() => { latest.current = { ids, selection }; });
  const onSelect = useCallback((id: string, isRange: boolean) => { latest.current.selection?.toggle(latest.current.ids, id, isRange); }, []);

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

  // Boxes instead of a table's layout, which draws all rows again when one comes into sight; the roles say what they are.
  return (
    <table role="table" className="block w-full" aria-rowcount={hasMore ? -1 : rows.length + 1}>
      <thead role="rowgroup" className="sticky top-0 z-10 block bg-surface">
        <tr role="row" aria-rowindex={1} className="flex h-9 items-center border-b border-border">
          {selection !== null && (
            <th role="columnheader" className="w-9 shrink-0 pl-4">
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
              role="columnheader"
              aria-sort={newestFirst && name === "Changed" ? "descending" : undefined}
              className={joinClasses("px-2 text-left text-12 font-medium text-text-2", selection === null && "first:pl-4", className)}
            >
              {name}
              {newestFirst && name === "Changed" && <ArrowDown size={12} aria-hidden className="ml-1 inline" />}
            </th>
          ))}
        </tr>
      </thead>
      <tbody ref={body} role="rowgroup" onKeyDown={onKeyDown} className="block" style={{ paddingTop: before, paddingBottom: after }}>
        {rows.slice(start, end).map((task, index) => (
          <TaskRow
            key={task.id}
            task={task}
            row={start + index}
            paused={pausedQueues.has(task.queue)}
            isCursor={start + index === cursor}
            isSelected={selection === null ? null : selected.has(task.id)}
            onCursor={onCursor}
            onOpen={onOpen}
            onSelect={onSelect}
          />
        ))}
      </tbody>
    </table>
  );
}

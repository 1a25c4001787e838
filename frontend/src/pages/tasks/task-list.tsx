import { useNavigate, useRouterState } from "@tanstack/react-router";
import { ArrowUp, Search } from "lucide-react";
import type { RefObject, UIEvent } from "react";
import { lazy, Suspense, useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";
import type { Counts, Overview } from "../../api/overview";
import type { Task, TaskFilter } from "../../api/tasks";
import { describeProblem } from "../../api/problem";
import { Button } from "../../components/button";
import { ErrorMessage, Message } from "../../components/message";
import { SkeletonRows } from "../../components/skeleton";
import { useHotkeys } from "../../hooks/use-hotkeys";
import { useSelection } from "../../hooks/use-selection";
import { formatCount, plural } from "../../lib/format";
import { placeOf, rememberList, rememberPlace } from "./last-list";
import { useLive } from "../../live/live";
import { BulkBar } from "./bulk-bar";
import { orderOf } from "./filters";
import { isWholeStatus } from "./use-bulk";
import { NoTasks } from "./no-tasks";
import { TaskCards } from "./task-cards";
import { TaskTable } from "./task-table";
import { useTaskList } from "./use-task-list";

/** Older pages are asked for when this share of what is loaded has been scrolled by. */
const PREFETCH_AT = 0.7;

interface TaskListProps {
  filter: TaskFilter;
  overview: Overview | undefined;
  phone: boolean;
  box: RefObject<HTMLDivElement>;
  mayAct: boolean;
  /** Of the filter without its status; null where they are not known. */
  counts: Counts | null;
  /** Of the error group that is all the filter asks for; null where it asks for something else. */
  groupCount: number | null;
  /** Told how many newer tasks the held list does not show. */
  onHeld: (count: number) => void;
}

const PeekSheet = lazy(async () => ({ default: (await import("./peek-sheet")).PeekSheet }));

/** The rows with everything that can stand in their place: loading, failed, empty, held, more to load. */
export function TaskList({ filter, overview, phone, box, mayAct, counts, groupCount, onHeld }: TaskListProps) {
  const navigate = useNavigate();
  const { nextTryAt, readNow } = useLive();
  const entry = useRouterState({ select: ({ location }) => location.state.__TSR_key ?? "" });
  const [before] = useState(() => placeOf(entry));
  const list = useTaskList(filter, before?.held ?? null);
  const { rows, newer, hasMore, hold } = list;
  const selection = useSelection();
  const [cursor, setCursor] = useState(() => Math.max(0, rows.findIndex((task) => task.id === before?.cursorId)));
  const [peeked, setPeeked] = useState<string | null>(null);
  const hasSelection = selection.selected.size > 0;
  const pausedQueues = useMemo(
    () => new Set(overview?.queues.filter((queue) => queue.paused).map((queue) => queue.name)),
    [overview],
  );

  const place = useRef({ entry, scrollTop: before?.scrollTop ?? 0 });
  const onScroll = ({ currentTarget: { scrollTop, clientHeight, scrollHeight } }: UIEvent) => {
    place.current.scrollTop = scrollTop;
    if (scrollTop > 0) list.hold();
    else if (!list.isDeep && !hasSelection) list.release();
    if (hasMore && scrollTop + clientHeight > scrollHeight * PREFETCH_AT) list.loadMore();
  };
  const showNewer = () => {
    selection.clear();
    list.release();
    box.current?.scrollTo({ top: 0 });
  };

  const open = useCallback(
    (task: Task) => {
      rememberList(rows.map((each) => each.id));
      void navigate({ to: "/tasks/$taskId", params: { taskId: task.id } });
    },
    [rows, navigate],
  );
  const peek = useCallback((task: Task) => { setPeeked(task.id); }, []);
  // Rows hold still while some are selected.
  useEffect(() => { if (hasSelection) hold(); }, [hasSelection, hold]);
  useEffect(() => { onHeld(newer); }, [newer, onHeld]);
  const at = Math.min(cursor, Math.max(0, rows.length - 1));
  const step = (by: number) => {
    const next = Math.min(rows.length - 1, Math.max(0, at + by));
    setCursor(next);
    const row = box.current?.querySelector<HTMLElement>(`[data-row="${next}"]`);
    row?.focus();
    row?.scrollIntoView({ block: "nearest" });
  };
  const current = rows[at];
  // Going back finds the list as it was left: where it was scrolled to, with its cursor.
  useLayoutEffect(() => {
    if (before !== null) box.current?.scrollTo({ top: before.scrollTop });
  }, [before, box]);
  const newest = useRef({ cursorId: current?.id ?? null, held: list.held });
  useEffect(() => { newest.current = { cursorId: current?.id ?? null, held: list.held }; });
  useEffect(() => {
    const left = place.current;
    return () => { rememberPlace(left.entry, { scrollTop: left.scrollTop, ...newest.current }); };
  }, []);
  useHotkeys({
    j: () => { step(1); },
    k: () => { step(-1); },
    x: () => { if (mayAct && current) selection.toggle(rows.map((task) => task.id), current.id, false); },
    Escape: () => { selection.clear(); },
  });

  if (list.first.data === undefined)
    return list.first.isError ? (
      <ErrorMessage what="Tasks" error={list.first.error} nextTryAt={nextTryAt} onRetry={readNow} />
    ) : (
      <SkeletonRows rows={12} what="tasks" />
    );
  if (list.hasStopped)
    return (
      <Message icon={Search} title="No match among the newest tasks" actions={<Button onClick={list.loadMore}>Search older tasks</Button>}>
        Older ones have not been looked at yet.
      </Message>
    );
  if (rows.length === 0 && hasMore && !list.moreError) return <SkeletonRows rows={12} what="older tasks" />;
  if (rows.length === 0 && !list.moreError) return <NoTasks filter={filter} counts={overview?.counts ?? null} workers={overview?.workers ?? []} mayAct={mayAct} />;
  return (
    <>
      {newer > 0 && (
        <button
          type="button"
          onClick={showNewer}
          className="flex min-h-8 shrink-0 items-center justify-center gap-2 border-b border-border bg-accent-soft text-12 font-medium text-accent hover:underline"
        >
          <ArrowUp size={14} aria-hidden />
          {hasSelection ? `${plural(newer, "newer change")}. The list holds still while rows are selected.` : `${plural(newer, "newer task")}. Show`}
        </button>
      )}
      <div ref={box} onScroll={onScroll} className="group/list relative min-h-0 flex-1 overflow-x-hidden overflow-y-auto bg-surface">
        {phone ? (
          <TaskCards rows={rows} pausedQueues={pausedQueues} scrollBox={box} selection={mayAct ? selection : null} />
        ) : (
          <TaskTable
            rows={rows}
            pausedQueues={pausedQueues}
            scrollBox={box}
            hasMore={hasMore}
            newestFirst={orderOf(filter) === "newest first"}
            selection={mayAct ? selection : null}
            cursor={at}
            takesFocus={before !== null}
            onCursor={setCursor}
            onOpen={open}
            onPeek={peek}
          />
        )}
        <div className="flex min-h-12 items-center justify-center gap-3 px-4 py-2 text-12 text-text-2">
          {list.moreError ? (
            <>
              Older tasks could not be loaded. {describeProblem(list.moreError)}
              <Button onClick={list.retryMore}>Try now</Button>
            </>
          ) : hasMore ? (
            <Button onClick={list.loadMore} aria-disabled={list.isLoadingMore}>
              {list.isLoadingMore ? "Loading older tasks" : "Load older tasks"}
            </Button>
          ) : (
            `${formatCount(rows.length)} ${rows.length === 1 ? "task" : "tasks"}, no older ones`
          )}
        </div>
      </div>
      {mayAct && <BulkBar selection={selection} rows={rows} filter={filter} total={groupCount ?? (counts !== null && isWholeStatus(filter.status) ? counts[filter.status] : null)} onWhole={showNewer} />}
      <Suspense fallback={null}>{peeked !== null && <PeekSheet id={peeked} onClose={() => { setPeeked(null); }} />}</Suspense>
    </>
  );
}

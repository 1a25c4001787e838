import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo, useState } from "react";
import type { TaskFilter, TaskPage } from "../../api/tasks";
import { firstPageOptions, olderPagesOptions } from "../../api/tasks";
import { heldRows, listRows } from "./list-rows";

/** After so many pages without a match the search waits to be told to go on. */
const EMPTY_PAGES_AT_ONCE = 10;

/** The first page, polled, and the pages behind it, loaded on demand from the moment the list is held. */
export function useTaskList(filter: TaskFilter, heldBefore: TaskPage | null) {
  const [chosen, setHeld] = useState(heldBefore);
  const first = useQuery(firstPageOptions(filter));
  // A filter may leave nothing of a page while the server has further ones: then the search goes on by itself.
  const held = chosen ?? (first.data?.tasks.length === 0 ? first.data : null);
  const { data: pages, fetchNextPage, isFetching, hasNextPage, error, refetch } = useInfiniteQuery(
    olderPagesOptions(filter, held?.nextCursor ?? null),
  );
  const older = pages?.pages;
  const kept = useMemo(() => (held === null ? null : heldRows(held, older ?? [])), [held, older]);
  const { rows, newer } = useMemo(() => listRows(first.data, kept), [first.data, kept]);
  const hasMore = older ? hasNextPage : (held ?? first.data)?.nextCursor != null;

  const hold = useCallback(() => { setHeld((page) => page ?? first.data ?? null); }, [first.data]);
  const release = useCallback(() => { setHeld(null); }, []);
  const loadMore = useCallback(() => {
    hold(); // the first page behind the held one loads by itself
    if (older && hasNextPage && !isFetching) void fetchNextPage();
  }, [hold, older, hasNextPage, isFetching, fetchNextPage]);

  const pagesRead = older?.length ?? 0;
  const goOn = rows.length === 0 && hasNextPage && !isFetching && error === null && pagesRead < EMPTY_PAGES_AT_ONCE;
  useEffect(() => {
    if (goOn) void fetchNextPage();
  }, [goOn, pagesRead, fetchNextPage]);

  return {
    first,
    held: chosen,
    rows,
    newer,
    hasMore,
    /** Nothing found yet, and the search has stopped to ask. */
    hasStopped: rows.length === 0 && hasNextPage && !isFetching && pagesRead >= EMPTY_PAGES_AT_ONCE,
    isLoadingMore: isFetching,
    moreError: error,
    retryMore: () => void (older ? fetchNextPage() : refetch()),
    /** Whether older pages are on screen; leaving the held state would drop them. */
    isDeep: pagesRead > 0,
    hold,
    release,
    loadMore,
  };
}

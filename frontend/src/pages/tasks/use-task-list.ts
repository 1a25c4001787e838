import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useCallback, useMemo, useState } from "react";
import type { TaskFilter, TaskPage } from "../../api/tasks";
import { firstPageOptions, olderPagesOptions } from "../../api/tasks";
import { listRows } from "./list-rows";

/** The first page, polled, and the pages behind it, loaded on demand from the moment the list is held. */
export function useTaskList(filter: TaskFilter) {
  const [held, setHeld] = useState<TaskPage | null>(null);
  const first = useQuery(firstPageOptions(filter));
  const { data: pages, fetchNextPage, isFetching, hasNextPage, error, refetch } = useInfiniteQuery(
    olderPagesOptions(filter, held?.nextCursor ?? null),
  );
  const older = pages?.pages;
  const { rows, newer } = useMemo(() => listRows(first.data, held, older ?? []), [first.data, held, older]);
  const hasMore = older ? hasNextPage : (held ?? first.data)?.nextCursor != null;

  const hold = useCallback(() => { setHeld((page) => page ?? first.data ?? null); }, [first.data]);
  const release = useCallback(() => { setHeld(null); }, []);
  const loadMore = useCallback(() => {
    hold(); // the first page behind the held one loads by itself
    if (older && hasNextPage && !isFetching) void fetchNextPage();
  }, [hold, older, hasNextPage, isFetching, fetchNextPage]);

  return {
    first,
    rows,
    newer,
    hasMore,
    isLoadingMore: isFetching,
    moreError: error,
    retryMore: () => void (older ? fetchNextPage() : refetch()),
    /** Whether older pages are on screen; leaving the held state would drop them. */
    isDeep: (older?.length ?? 0) > 0,
    hold,
    release,
    loadMore,
  };
}

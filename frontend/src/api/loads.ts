import { queryOptions } from "@tanstack/react-query";
import { read } from "./client";
import type { TaskPage } from "./tasks";
import { listPath, PAGE_SIZE, toPage } from "./tasks";

export interface Loads {
  readonly ofWorker: ReadonlyMap<string, number>;
  /** More tasks run than were looked at. */
  readonly isPart: boolean;
}

export function loadsOf({ tasks, nextCursor }: TaskPage): Loads {
  const ofWorker = new Map<string, number>();
  for (const { worker } of tasks) if (worker !== null) ofWorker.set(worker, (ofWorker.get(worker) ?? 0) + 1);
  return { ofWorker, isPart: nextCursor !== null };
}

/** How many tasks each worker runs. Read seldom, as it costs a call a worker. */
export function loadsOptions() {
  return queryOptions({
    queryKey: ["workers", "loads"],
    queryFn: ({ signal }) => read(listPath({ status: "running" }, null, PAGE_SIZE), { convert: toPage, signal }),
    select: loadsOf,
    meta: { live: true, everySeconds: 30 },
  });
}

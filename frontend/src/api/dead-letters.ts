import { queryOptions } from "@tanstack/react-query";
import { read } from "./client";
import type { Task } from "./tasks";
import { toPage, toTask } from "./tasks";
import type { WireGroup, WireTaskPage } from "./wire";

/** Dead tasks whose errors are the same. */
export interface ErrorGroup {
  readonly fingerprint: string;
  readonly count: number;
  readonly lastAt: Date;
  /** The newest of them. */
  readonly task: Task;
}

function toGroup({ fingerprint, count, last_at, task }: WireGroup): ErrorGroup {
  return { fingerprint, count, lastAt: new Date(last_at), task: toTask(task) };
}

/** The groups, the latest death first. */
export function groupsOptions(limit = 100) {
  return queryOptions({
    queryKey: ["dead-letters", "groups", limit],
    queryFn: ({ signal }) =>
      read(`/dead-letters/groups?limit=${limit}`, {
        convert: (wire: { groups: WireGroup[] }) => wire.groups.map(toGroup),
        signal,
      }),
    meta: { live: true, everySeconds: 10 },
  });
}

const SAMPLE = 100;

/** The newest dead tasks of all groups, for when each group died. Read seldom, as it costs like a page of tasks. */
export function newestDeadOptions() {
  return queryOptions({
    queryKey: ["dead-letters", "newest"],
    queryFn: ({ signal }) => read(`/dead-letters?limit=${SAMPLE}`, { convert: (wire: WireTaskPage) => toPage(wire).tasks, signal }),
    staleTime: 60_000,
    meta: { live: true, everySeconds: 120 },
  });
}

export interface GroupSample {
  /** Those with the greatest ids. */
  readonly tasks: readonly Task[];
}

/** Some tasks of a group, to see what they share. */
export function groupSampleOptions({ fingerprint }: ErrorGroup) {
  const query = new URLSearchParams({ fingerprint, limit: String(SAMPLE) });
  return queryOptions({
    queryKey: ["dead-letters", "sample", fingerprint],
    queryFn: ({ signal }): Promise<GroupSample> =>
      read(`/dead-letters?${query.toString()}`, {
        convert: (wire: WireTaskPage) => ({ tasks: toPage(wire).tasks }),
        signal,
      }),
    staleTime: 30_000,
  });
}

import { queryOptions } from "@tanstack/react-query";
import { ExactNumber } from "../lib/json";
import { read, write } from "./client";
import type { TaskStatus, WireSchedule, WireScheduleSpec } from "./wire";

/** Read exactly, so that numbers in the task's payload stay as they were written. */
type ScheduleSpec = WireScheduleSpec;

export interface PastRun {
  /** Null when the time passed without a task. */
  readonly taskId: string | null;
  /** Null when there is no task, or it is kept no more. */
  readonly status: TaskStatus | null;
  readonly runMs: number | null;
}

export interface Schedule {
  readonly id: string;
  readonly spec: ScheduleSpec;
  readonly nextAt: Date;
  /** Its last ten times, the newest first. */
  readonly runs: readonly PastRun[];
  /** Why it is paused; an empty text when nobody said why; null when it is on. */
  readonly paused: string | null;
}

function toSchedule({ id, spec: { interval_seconds, ...rest }, next_at, runs, paused }: WireSchedule): Schedule {
  const seconds: unknown = interval_seconds;
  const spec = { ...rest, interval_seconds: seconds instanceof ExactNumber ? Number(seconds.source) : (interval_seconds ?? null) };
  return {
    id,
    spec,
    nextAt: new Date(next_at),
    runs: runs.map(({ task_id, status, run_ms }) => ({ taskId: task_id, status, runMs: run_ms })),
    paused,
  };
}

export function schedulesOptions() {
  return queryOptions({
    queryKey: ["schedules"],
    queryFn: ({ signal }) =>
      read("/schedules", { convert: (wire: { schedules: WireSchedule[] }) => wire.schedules.map(toSchedule), signal, exact: true }),
    meta: { live: true, everySeconds: 10 },
  });
}

export interface Timing {
  readonly cron?: string | null | undefined;
  readonly interval_seconds?: number | null | undefined;
  readonly zone?: string | undefined;
}

/** The next times of a cron expression or an interval; the server's problem says what is wrong with it. */
export function previewOptions({ cron, interval_seconds, zone }: Timing, count: number) {
  const timing = cron ? { cron, zone: zone ?? "UTC" } : { interval_seconds };
  return queryOptions({
    queryKey: ["schedule-preview", timing, count],
    queryFn: async () => {
      const { next } = await write<{ next: string[] }>("POST", "/schedules/preview", { ...timing, count });
      return next.map((at) => new Date(at));
    },
    staleTime: 30_000,
  });
}

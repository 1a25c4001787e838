import type { QueueSeries } from "../../api/stats";

/** What goes through a queue, from its last whole minutes. */
export interface Flow {
  /** Tasks a minute. */
  readonly in: number;
  readonly out: number;
  /** Of the attempts of the last hour; null when none ended. */
  readonly failedShare: number | null;
  /** Until nothing waits at this pace, ms; null when that is never, or nothing waits. */
  readonly emptyInMs: number | null;
}

const MEAN_MINUTES = 5;

function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : sum(values) / values.length;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** The current minute is still filling, so it is left out of the pace. */
function recent(values: readonly number[]): readonly number[] {
  return values.slice(0, -1).slice(-MEAN_MINUTES);
}

export function flowOf(series: QueueSeries, pending: number): Flow {
  const into = mean(recent(series.submitted));
  const out = mean(recent(series.ended));
  const attempts = sum(series.ended) + sum(series.retried);
  const failed = sum(series.retried) + sum(series.dead);
  return {
    in: into,
    out,
    failedShare: attempts === 0 ? null : failed / attempts,
    emptyInMs: pending === 0 || out <= into ? null : (pending / (out - into)) * 60_000,
  };
}

interface Resuming {
  readonly pending: number;
  /** Tasks that run at once. */
  readonly slots: number;
  /** A usual run. */
  readonly runMs: number | null;
  readonly inPerMinute: number;
}

/** Until a paused queue is empty, were it resumed now, ms; null when nobody can tell, or never. */
export function resumeMs({ pending, slots, runMs, inPerMinute }: Resuming): number | null {
  if (runMs === null || slots === 0) return null;
  const perMs = slots / Math.max(runMs, 1) - inPerMinute / 60_000;
  return perMs <= 0 ? null : pending / perMs;
}

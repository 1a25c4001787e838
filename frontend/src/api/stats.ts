import { queryOptions } from "@tanstack/react-query";
import { readIfOffered } from "./client";
import type { components } from "./schema.gen";

type WireStats = components["schemas"]["Stats"];
type WirePercentiles = components["schemas"]["Percentiles"];

/** A minute, or an hour of the last week. */
export interface Step {
  /** Its begin, ms since 1970. */
  readonly at: number;
  readonly submitted: number;
  readonly finished: number;
  readonly failed: number;
  readonly dead: number;
  readonly started: number;
  readonly waitP50Ms: number | null;
  readonly waitP95Ms: number | null;
  /** At its end; null by the hour, of which they are not kept. */
  readonly pending: number | null;
  readonly running: number | null;
}

/** A number a step. */
export interface QueueSeries {
  readonly submitted: readonly number[];
  /** Completed, dead and cancelled. */
  readonly ended: readonly number[];
  /** Attempts that failed and are tried again. */
  readonly retried: readonly number[];
  readonly dead: readonly number[];
}

export interface Stats {
  readonly steps: readonly Step[];
  /** Minutes from one step to the next: 1 or 60. */
  readonly stepMinutes: number;
  readonly waitP50Ms: number | null;
  readonly waitP95Ms: number | null;
  readonly runP50Ms: number | null;
  /** By the queue's name, where they were asked for. */
  readonly queues: ReadonlyMap<string, QueueSeries>;
}

/** What the last hour's minutes say about the present. */
export interface Pace {
  /** Tasks that ended in the last whole minute; null before there is one. */
  readonly perMinute: number | null;
  /** Half of the tasks started sooner; null when none started. */
  readonly usualWaitMs: number | null;
  /** Since so many minutes more tasks came than ended, in each of them; by so many. Null when they did not. */
  readonly growth: { readonly minutes: number; readonly tasks: number } | null;
}

const GROWTH_MINUTES = 10;

export type Range = "1h" | "24h" | "7d";

const HOURS: Readonly<Record<Range, number>> = { "1h": 1, "24h": 24, "7d": 168 };
const PACE_SECONDS: Readonly<Record<Range, number>> = { "1h": 15, "24h": 60, "7d": 300 };

export function isRange(value: unknown): value is Range {
  return typeof value === "string" && Object.hasOwn(HOURS, value);
}

function p50(percentiles: WirePercentiles | null): number | null {
  return percentiles?.p50_ms ?? null;
}

function p95(percentiles: WirePercentiles | null): number | null {
  return percentiles?.p95_ms ?? null;
}

function toStats({ points, step_seconds, wait, run, queues }: WireStats): Stats {
  return {
    steps: points.map((point) => ({
      at: Date.parse(point.at),
      submitted: point.submitted,
      finished: point.completed + point.dead + point.cancelled,
      failed: point.failed,
      dead: point.dead,
      started: point.started,
      waitP50Ms: p50(point.wait),
      waitP95Ms: p95(point.wait),
      pending: point.pending ?? null,
      running: point.running ?? null,
    })),
    stepMinutes: step_seconds / 60,
    waitP50Ms: p50(wait),
    waitP95Ms: p95(wait),
    runP50Ms: p50(run),
    queues: new Map(queues?.map(({ name, ...series }) => [name, series])),
  };
}

/** The steps that are over; the current one is still filling. */
export function wholeSteps(stats: Stats): readonly Step[] {
  return stats.steps.slice(0, -1);
}

export function paceOf(stats: Stats): Pace {
  const minutes = wholeSteps(stats);
  const last = minutes.slice(-GROWTH_MINUTES);
  const grows = last.length === GROWTH_MINUTES && last.every((minute) => minute.submitted > minute.finished);
  const tasks = last.reduce((sum, minute) => sum + minute.submitted - minute.finished, 0);
  return { perMinute: minutes.at(-1)?.finished ?? null, usualWaitMs: stats.waitP50Ms, growth: grows ? { minutes: GROWTH_MINUTES, tasks } : null };
}

function since(minutes: number): string {
  return new Date(Math.floor(Date.now() / 60_000) * 60_000 - (minutes - 1) * 60_000).toISOString();
}

/** The series of the last hour, day or week; null where this key may not read it. */
export function statsOptions(range: Range) {
  return queryOptions({
    queryKey: ["stats", range],
    queryFn: ({ signal }) => readIfOffered(`/stats?since=${encodeURIComponent(since(HOURS[range] * 60))}`, { convert: toStats, signal }),
    meta: { live: true, everySeconds: PACE_SECONDS[range] },
  });
}

/** The last hour of each queue; null where this key may not read it. */
export function queueStatsOptions() {
  return queryOptions({
    queryKey: ["stats", "queues"],
    queryFn: ({ signal }) => readIfOffered(`/stats?queues=each&since=${encodeURIComponent(since(60))}`, { convert: toStats, signal }),
    meta: { live: true, everySeconds: 15 },
  });
}

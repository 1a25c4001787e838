import { queryOptions } from "@tanstack/react-query";
import { readIfOffered } from "./client";
import type { components } from "./schema.gen";

type WireStats = components["schemas"]["Stats"];
type WirePercentiles = components["schemas"]["Percentiles"];

export interface Minute {
  /** Begin of the minute, ms since 1970. */
  readonly at: number;
  readonly submitted: number;
  readonly finished: number;
  readonly failed: number;
  readonly dead: number;
  readonly started: number;
  readonly waitP50Ms: number | null;
  readonly waitP95Ms: number | null;
}

export interface Stats {
  readonly minutes: readonly Minute[];
  readonly waitP50Ms: number | null;
  readonly waitP95Ms: number | null;
}

/** What the last minutes say about the present. */
export interface Pace {
  /** Tasks that ended in the last whole minute; null before there is one. */
  readonly perMinute: number | null;
  /** Half of the tasks started sooner; null when none started. */
  readonly usualWaitMs: number | null;
  /** Since so many minutes more tasks came than ended, in each of them; by so many. Null when they did not. */
  readonly growth: { readonly minutes: number; readonly tasks: number } | null;
}

const GROWTH_MINUTES = 10;

export type Range = "1h" | "24h";

const HOURS: Readonly<Record<Range, number>> = { "1h": 1, "24h": 24 };

function p50(percentiles: WirePercentiles | null): number | null {
  return percentiles?.p50_ms ?? null;
}

function p95(percentiles: WirePercentiles | null): number | null {
  return percentiles?.p95_ms ?? null;
}

function toStats({ points, wait }: WireStats): Stats {
  return {
    minutes: points.map((point) => ({
      at: Date.parse(point.at),
      submitted: point.submitted,
      finished: point.completed + point.dead + point.cancelled,
      failed: point.failed,
      dead: point.dead,
      started: point.started,
      waitP50Ms: p50(point.wait),
      waitP95Ms: p95(point.wait),
    })),
    waitP50Ms: p50(wait),
    waitP95Ms: p95(wait),
  };
}

/** The minutes that are over; the current one is still filling. */
export function wholeMinutes(stats: Stats): readonly Minute[] {
  return stats.minutes.slice(0, -1);
}

export function paceOf(stats: Stats): Pace {
  const minutes = wholeMinutes(stats);
  const last = minutes.slice(-GROWTH_MINUTES);
  const grows = last.length === GROWTH_MINUTES && last.every((minute) => minute.submitted > minute.finished);
  const tasks = last.reduce((sum, minute) => sum + minute.submitted - minute.finished, 0);
  return { perMinute: minutes.at(-1)?.finished ?? null, usualWaitMs: stats.waitP50Ms, growth: grows ? { minutes: GROWTH_MINUTES, tasks } : null };
}

/** The series of the last hour or day; null where the server keeps none. */
export function statsOptions(range: Range) {
  return queryOptions({
    queryKey: ["stats", range],
    queryFn: ({ signal }) => {
      const since = new Date(Math.floor(Date.now() / 60_000) * 60_000 - (HOURS[range] * 60 - 1) * 60_000).toISOString();
      return readIfOffered(`/stats?since=${encodeURIComponent(since)}`, { convert: toStats, signal });
    },
    meta: { live: true, everySeconds: range === "1h" ? 15 : 60 },
  });
}

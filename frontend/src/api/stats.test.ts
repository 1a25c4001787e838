import { describe, expect, it } from "vitest";
import type { Step } from "./stats";
import { paceOf } from "./stats";

function minutes(...pairs: readonly (readonly [submitted: number, finished: number])[]) {
  const steps: Step[] = pairs.map(([submitted, finished], n) => ({
    at: n * 60_000, submitted, finished, failed: 0, dead: 0, started: finished, waitP50Ms: null, waitP95Ms: null, pending: 0, running: 0,
  }));
  return { steps, stepMinutes: 1, waitP50Ms: 120, waitP95Ms: null, runP50Ms: null, queues: new Map() };
}

const grown = Array.from({ length: 10 }, () => [7, 5] as const);

describe("the pace", () => {
  it("is that of the last minute that is over", () => {
    expect(paceOf(minutes([9, 4], [1, 8], [3, 0]))).toEqual({ perMinute: 8, usualWaitMs: 120, growth: null });
    expect(paceOf(minutes([9, 4])).perMinute).toBeNull();
  });

  it("tells growth when each of ten minutes had more come than ended", () => {
    expect(paceOf(minutes([0, 90], ...grown, [0, 90])).growth).toEqual({ minutes: 10, tasks: 20 });
    expect(paceOf(minutes(...grown.slice(1), [0, 0])).growth).toBeNull();
    expect(paceOf(minutes(...grown.slice(1), [5, 5], [0, 0])).growth).toBeNull();
  });
});

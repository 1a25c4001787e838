import { describe, expect, it } from "vitest";
import { flowOf, resumeMs } from "./flow";

const series = (submitted: number[], ended: number[], retried: number[] = [], dead: number[] = []) => ({ submitted, ended, retried, dead });

describe("what goes through a queue", () => {
  it("is the mean of the last five whole minutes", () => {
    const flow = flowOf(series([90, 5, 5, 5, 5, 10, 70], [90, 0, 10, 10, 10, 10, 70]), 4);
    expect(flow).toEqual({ in: 6, out: 8, failedShare: 0, emptyInMs: 120_000 });
  });

  it.each([
    ["nothing waits", [1, 1], [3, 3], 0],
    ["more comes than goes", [5, 5], [3, 3], 9],
    ["as much comes as goes", [3, 3], [3, 3], 9],
  ])("has no end when %s", (_, submitted, ended, pending) => {
    expect(flowOf(series(submitted, ended), pending).emptyInMs).toBeNull();
  });

  it("tells failed attempts among all, those of tasks that died too", () => {
    expect(flowOf(series([0], [8], [2], [3]), 0).failedShare).toBe(0.5);
    expect(flowOf(series([0], [0], [0], [0]), 0).failedShare).toBeNull();
  });
});

describe("a paused queue that is resumed", () => {
  it("is empty when what waits has run, and what comes meanwhile", () => {
    expect(resumeMs({ pending: 2318, slots: 10, runMs: 2900, inPerMinute: 61 })).toBeCloseTo(953_296, -2);
  });

  it.each([
    ["no slot serves it", { slots: 0 }],
    ["nobody knows how long a run takes", { runMs: null }],
    ["more comes than the slots can run", { inPerMinute: 600 }],
  ])("has no end when %s", (_, over) => {
    expect(resumeMs({ pending: 9, slots: 1, runMs: 1000, inPerMinute: 1, ...over })).toBeNull();
  });
});

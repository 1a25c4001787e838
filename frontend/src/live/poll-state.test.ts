import { describe, expect, it } from "vitest";
import type { PollState } from "./poll-state";
import { afterFailedRead, afterGoodRead, initialPollState, nextDelay, statusOf, withPace, withPaused } from "./poll-state";

const here = { visible: true, now: 100_000, touchedAt: 100_000 };
const failed = (times: number): PollState => Array.from({ length: times }).reduce<PollState>(afterFailedRead, afterGoodRead(initialPollState, 1));

describe("nextDelay", () => {
  it.each([
    ["in use", initialPollState, here, 2000],
    ["59 s untouched", initialPollState, { ...here, touchedAt: 41_000 }, 2000],
    ["60 s untouched", initialPollState, { ...here, touchedAt: 40_000 }, 12_000],
    ["hidden", initialPollState, { ...here, visible: false }, null],
    ["paused", withPaused(initialPollState, true), here, null],
    ["at the server's pace", withPace(initialPollState, 5), here, 5000],
    ["no faster than twice a second", withPace(initialPollState, 0.01), here, 500],
  ])("%s", (_name, state, surroundings, delay) => {
    expect(nextDelay(state, surroundings)).toBe(delay);
  });

  it("waits 1, 2, 4 … 30 s after failed reads", () => {
    expect([1, 2, 3, 4, 5, 6, 9].map((times) => nextDelay(failed(times), here))).toEqual([
      1000, 2000, 4000, 8000, 16_000, 30_000, 30_000,
    ]);
  });
});

describe("statusOf", () => {
  it.each([
    [initialPollState, "connecting"],
    [afterGoodRead(initialPollState, 5), "live"],
    [failed(2), "live"],
    [failed(3), "offline"],
    [withPaused(failed(0), true), "paused"],
    [withPaused(failed(3), true), "offline"],
    [afterGoodRead(failed(3), 9), "live"],
  ])("%o is %s", (state, status) => {
    expect(statusOf(state)).toBe(status);
  });
});

import { describe, expect, it } from "vitest";
import { areaPath, labelPlaces, linePath, niceTicks, timeTicks } from "./scale";

describe("niceTicks", () => {
  it.each([
    [1204, [0, 500, 1000, 1500]],
    [0.84, [0, 0.5, 1]],
    [66, [0, 25, 50, 75]],
    [3, [0, 1, 2, 3]],
    [0, [0, 1]],
    [Number.NaN, [0, 1]],
  ])("%d is drawn below %o", (max, ticks) => {
    expect(niceTicks(max)).toEqual(ticks);
  });
});

describe("timeTicks", () => {
  it("stands on whole ten minutes within an hour", () => {
    const from = Date.parse("2026-11-24T13:21:00Z");
    const ticks = timeTicks(from, from + 3_600_000, 0);
    expect(ticks.map((at) => new Date(at).toISOString().slice(11, 16))).toEqual(["13:30", "13:40", "13:50", "14:00", "14:10", "14:20"]);
  });

  it("stands on whole hours of a zone that is half an hour off", () => {
    const from = Date.parse("2026-11-24T00:00:00Z");
    const [first] = timeTicks(from, from + 86_400_000, -330);
    expect(((first ?? 0) + 330 * 60_000) % (4 * 3_600_000) % 3_600_000).toBe(0);
  });
});

describe("paths", () => {
  it("leaves a gap where nothing is known", () => {
    expect(linePath([0, 1, 2, 3], [5, null, 6, 7])).toBe("M0.0 5.0M2.0 6.0L3.0 7.0");
    expect(areaPath([0, 1, 2, 3], [5, null, 6, 7], 9)).toBe("M0.0 5.0L0.0 9L0.0 9ZM2.0 6.0L3.0 7.0L3.0 9L2.0 9Z");
  });
});

describe("labels at the ends of lines", () => {
  it("stand where the lines end, and never one over another", () => {
    expect(labelPlaces([100, 40])).toEqual([100, 40]);
    expect(labelPlaces([100, 95, 100])).toEqual([100, 74, 87]);
  });
});

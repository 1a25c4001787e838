import { describe, expect, it } from "vitest";
import { toTask } from "../../api/tasks";
import { wireTask } from "../../test/factories";
import { coverage, historyOf } from "./history";

const NOW = Date.parse("2026-11-24T14:20:00Z");
const dead = (fingerprint: string, finished_at: string) => toTask(wireTask({ status: "dead", fingerprint, finished_at }));
const tasks = [dead("a", "2026-11-24T14:19:00Z"), dead("b", "2026-11-24T13:00:00Z"), dead("a", "2026-11-24T12:30:00Z"), dead("a", "2026-11-20T12:00:00Z")];

describe("historyOf", () => {
  it("counts deaths by the hour and finds the first, also of longer ago", () => {
    const found = historyOf(tasks, "a", 3, NOW);
    expect(found?.hours.slice(-3)).toEqual([0, 1, 1]);
    expect(found?.hours.reduce((sum, each) => sum + each)).toBe(2);
    expect(found?.firstAt.toISOString()).toBe("2026-11-20T12:00:00.000Z");
    expect(found?.hasEarlier).toBe(false);
  });

  it("says when there are deaths that it did not see", () => {
    expect(historyOf(tasks, "b", 7, NOW)?.hasEarlier).toBe(true);
    expect(historyOf(tasks, "c", 7, NOW)).toBeNull();
  });
});

describe("coverage", () => {
  it("says nothing where all dead tasks were looked at", () => {
    expect(coverage(tasks, 4)).toBeNull();
    expect(coverage([], 3)).toBeNull();
  });

  it("says how many were, and back to when", () => {
    expect(coverage(tasks, 163)).toEqual({ looked: 4, backTo: new Date("2026-11-20T12:00:00Z") });
  });
});

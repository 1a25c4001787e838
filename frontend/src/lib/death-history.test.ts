import { describe, expect, it } from "vitest";
import { toTask } from "../api/tasks";
import { wireTask } from "../test/factories";
import { coverage, historyOf, LAST_DAY, LAST_HOUR } from "./death-history";

const NOW = Date.parse("2026-11-24T14:20:00Z");
const dead = (fingerprint: string, finished_at: string) => toTask(wireTask({ status: "dead", fingerprint, finished_at }));
const tasks = [dead("a", "2026-11-24T14:19:00Z"), dead("b", "2026-11-24T13:00:00Z"), dead("a", "2026-11-24T12:30:00Z"), dead("a", "2026-11-20T12:00:00Z")];
const total = tasks.length;

describe("historyOf", () => {
  it("counts deaths by the hour and finds the first, also of longer ago", () => {
    const found = historyOf(tasks, total, { fingerprint: "a", count: 3 }, NOW, LAST_DAY);
    expect(found?.steps.slice(-3)).toEqual([0, 1, 1]);
    expect(found?.steps.reduce<number>((sum, each) => sum + (each ?? 0), 0)).toBe(2);
    expect(found?.firstAt.toISOString()).toBe("2026-11-20T12:00:00.000Z");
    expect(found?.hasEarlier).toBe(false);
  });

  it("says when there are deaths that it did not see", () => {
    expect(historyOf(tasks, total, { fingerprint: "b", count: 7 }, NOW, LAST_DAY)?.hasEarlier).toBe(true);
    expect(historyOf(tasks, total, { fingerprint: "c", count: 7 }, NOW, LAST_DAY)).toBeNull();
  });

  it("does not know the time before the oldest death that was looked at, unless it has seen all", () => {
    const newest = tasks.slice(0, 3);
    expect(historyOf(newest, 900, { fingerprint: "a", count: 800 }, NOW, LAST_DAY)?.steps.filter((step) => step === null)).toHaveLength(22);
    expect(historyOf(newest.slice(0, 1), 900, { fingerprint: "a", count: 800 }, NOW, LAST_HOUR)?.steps).toEqual([...Array<null>(29).fill(null), 1]);
    expect(historyOf(tasks, total, { fingerprint: "a", count: 3 }, NOW, LAST_HOUR)?.steps).not.toContain(null);
  });
});

describe("coverage", () => {
  it("says nothing where all dead tasks were looked at", () => {
    expect(coverage(tasks, tasks.length)).toBeNull();
    expect(coverage([], 3)).toBeNull();
  });

  it("says how many were, and back to when", () => {
    expect(coverage(tasks, 163)).toEqual({ looked: tasks.length, backTo: new Date("2026-11-20T12:00:00Z") });
  });
});

import { describe, expect, it } from "vitest";
import { formatCount, plural, shortId } from "./format";
import { formatDuration, formatRelative, formatSpan, formatWait } from "./time";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

describe("formatDuration", () => {
  it.each([
    [-5, "0 ms"],
    [38, "38 ms"],
    [99, "99 ms"],
    [100, "0.1 s"],
    [400, "0.4 s"],
    [12_400, "12.4 s"],
    [59_940, "59.9 s"],
    [59_960, "1 min"],
    [3 * MINUTE + 41 * SECOND, "3 min 41 s"],
    [59 * MINUTE + 59.6 * SECOND, "1 h"],
    [4 * HOUR + 2 * MINUTE, "4 h 2 min"],
    [24 * HOUR, "1 d"],
    [143 * HOUR, "5 d 23 h"],
  ])("%d ms is %s", (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });
});

describe("formatWait", () => {
  it.each([[400, "0.4 s"], [38 * MINUTE + 20 * SECOND, "38 min"]])("%d ms is %s", (ms, text) => {
    expect(formatWait(ms)).toBe(text);
  });
});

describe("formatSpan", () => {
  it.each([
    [12_900, "12 s"],
    [38 * MINUTE, "38 min"],
    [5.9 * HOUR, "5 h"],
    [50 * HOUR, "2 d"],
  ])("%d ms is %s", (ms, text) => {
    expect(formatSpan(ms)).toBe(text);
  });
});

describe("formatRelative", () => {
  const now = Date.UTC(2026, 10, 24, 12);
  it.each([
    [0, "now"],
    [999, "now"],
    [-999, "now"],
    [12 * SECOND, "12 s ago"],
    [90 * SECOND, "1 min ago"],
    [23.9 * HOUR, "23 h ago"],
    [24 * HOUR, "23 Nov 2026"],
    [-14 * SECOND, "in 14 s"],
    [-(3 * HOUR + 39 * MINUTE), "in 3 h 39 min"],
    [-48 * HOUR, "26 Nov 2026"],
  ])("%d ms before now is %s", (past, text) => {
    expect(formatRelative(new Date(now - past), now)).toBe(text);
  });
});

describe("numbers and ids", () => {
  it.each([
    [0, "0"],
    [1204, "1,204"],
    [999_999, "999,999"],
    [2_390_000, "2.3 M"],
  ])("%d is %s", (value, text) => {
    expect(formatCount(value)).toBe(text);
  });

  it("counts in words", () => {
    expect(plural(1, "task")).toBe("1 task");
    expect(plural(2318, "task waits", "tasks wait")).toBe("2,318 tasks wait");
  });

  it("shortens only long ids", () => {
    expect(shortId("0-019ab5c2-7f31-7c04-9a1e-3d5b8e21c6f0")).toBe("0-019ab5c2…21c6f0");
    expect(shortId("abc")).toBe("abc");
  });
});

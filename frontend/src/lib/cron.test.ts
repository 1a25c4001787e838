import { describe, expect, it } from "vitest";
import { clockChange, cronWords, intervalWords } from "./cron";

describe("cronWords", () => {
  it.each([
    ["*/15 * * * *", "Every 15 minutes"],
    ["0 3 * * *", "Every day at 03:00"],
    ["30 6,18 * * 1-5", "Weekdays at 06:30 and 18:30"],
    ["0 8 * * 1", "Every Monday at 08:00"],
    ["10 0 22 * *", "On the 22nd at 00:10"],
    ["0 9 1-7 * 1", "At 09:00, between day 1 and 7 of the month, and on Monday"],
    ["not a cron", "not a cron"],
  ])("%s reads %s", (cron, words) => {
    expect(cronWords(cron)).toBe(words);
  });
});

describe("intervalWords", () => {
  it.each([
    [1, "Every second"],
    [30, "Every 30.0 s"],
    [60, "Every minute"],
    [90, "Every 1 min 30 s"],
    [3600, "Every hour"],
  ])("%d s reads %s", (seconds, words) => {
    expect(intervalWords(seconds)).toBe(words.replace("30.0", "30"));
  });
});

describe("clockChange", () => {
  const gap = [new Date("2027-03-27T01:30:00Z"), new Date("2027-03-28T01:00:00Z"), new Date("2027-03-29T00:30:00Z")];

  it("names the day on which the time does not exist", () => {
    expect(clockChange("30 2 * * *", "Europe/Berlin", gap)).toBe(
      "Clocks change in Europe/Berlin: on 28 Mar 2027 it runs at 03:00 instead of 02:30.",
    );
  });

  it("says nothing where it always exists, or where there is no single time", () => {
    expect(clockChange("30 2 * * *", "UTC", [new Date("2027-03-28T02:30:00Z")])).toBeNull();
    expect(clockChange("*/15 * * * *", "Europe/Berlin", gap)).toBeNull();
  });
});

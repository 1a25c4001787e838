import { describe, expect, it } from "vitest";
import { toTask } from "../api/tasks";
import { ago, NOW, wireAttempt, wireTask } from "../test/factories";
import { changedAt, leftMs, ranMs, waitedMs } from "./task-times";

describe("the spans of a task", () => {
  it.each([
    ["pending, since it was submitted", wireTask({ created_at: ago(54) }), 54_000, null],
    ["pending, since it was due", wireTask({ created_at: ago(54), run_at: ago(4) }), 4000, null],
    ["scheduled: not yet", wireTask({ status: "scheduled", run_at: ago(-60) }), null, null],
    ["running until now", wireTask({ status: "running", created_at: ago(10), started_at: ago(4) }), 6000, 4000],
    [
      "dead after retries: the first wait, the last run",
      wireTask({
        status: "dead",
        created_at: ago(54),
        run_at: ago(14),
        started_at: ago(13),
        finished_at: ago(12),
        attempts: [
          wireAttempt({ started_at: ago(53), ended_at: ago(50) }),
          wireAttempt({ attempt: 2, started_at: ago(13), ended_at: ago(12) }),
        ],
      }),
      1000,
      1000,
    ],
    [
      "completed, from a list without attempts",
      wireTask({ status: "completed", created_at: ago(9), started_at: ago(7), finished_at: ago(5), attempts: [] }),
      2000,
      2000,
    ],
  ])("%s", (_name, wire, waited, ran) => {
    const task = toTask(wire);
    expect(waitedMs(task, NOW)).toBe(waited);
    expect(ranMs(task, NOW)).toBe(ran);
  });

  it("changed when it finished, else started, else was submitted", () => {
    expect(changedAt(toTask(wireTask({ status: "dead", finished_at: ago(3) })))).toEqual(new Date(ago(3)));
    expect(changedAt(toTask(wireTask({ status: "running", started_at: ago(5) })))).toEqual(new Date(ago(5)));
    expect(changedAt(toTask(wireTask({ created_at: ago(54) })))).toEqual(new Date(ago(54)));
  });
});

describe("leftMs", () => {
  it.each([
    [0.5, 10_000, 10_000],
    [0.8, 8_000, 2_000],
    [0.04, 1_000, null],
    [1, 1_000, null],
    [null, 1_000, null],
  ])("%o done in %i ms: %o", (fraction, ran, left) => {
    const said = leftMs(fraction, ran);
    expect(said === null ? null : Math.round(said)).toBe(left);
  });
});

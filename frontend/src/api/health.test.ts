import { describe, expect, it } from "vitest";
import { ago, NOW, wireError, wireOverview, wireQueue, wireTask, wireWorker } from "../test/factories";
import type { ErrorGroup } from "./dead-letters";
import { assessHealth } from "./health";
import type { CostState } from "./health-needs";
import { toOverview } from "./overview";
import type { Schedule } from "./schedules";
import type { Pace } from "./stats";
import { toTask } from "./tasks";
import type { TaskStatus, WireOverview, WireTask } from "./wire";

interface Else {
  readonly groups?: readonly ErrorGroup[];
  readonly schedules?: readonly Schedule[];
  readonly cost?: CostState;
  readonly pace?: Partial<Pace>;
}

function assess(over: Partial<WireOverview> = {}, { groups = [], schedules = [], cost, pace }: Else = {}) {
  return assessHealth({ now: NOW, overview: toOverview(wireOverview(over)), groups, schedules, cost: cost ?? null, pace: pace === undefined ? null : { perMinute: null, usualWaitMs: null, growth: null, ...pace } });
}

function group(seconds: number, count = 1, over: Partial<WireTask> = {}): ErrorGroup {
  const task = toTask(wireTask({ status: "dead", finished_at: ago(seconds), error: wireError(), ...over }));
  return { fingerprint: task.type, count, lastAt: new Date(ago(seconds)), task };
}

function schedule(lateSeconds: number, isPaused: string | null = null, statuses: TaskStatus[] = []): Schedule {
  const spec = { task: { task_type: "report.build", payload: {} } } as Schedule["spec"];
  return { id: "daily", spec, nextAt: new Date(ago(lateSeconds)), runs: statuses.map((status, n) => ({ taskId: `t${n}`, status, runMs: null })), paused: isPaused };
}

/** The first of six tasks of a queue has waited so long. */
function waits(seconds: number): Partial<WireOverview> {
  return { queues: [wireQueue({ name: "emails", pending: 6, pending_by_priority: { 5: 4, 3: 2 }, oldest_by_priority: { 5: ago(1), 3: ago(seconds) } })] };
}

const paused = wireQueue({ name: "images", pending: 2318, paused: { at: null, by: "ops-laptop", reason: null } });

describe("all is well", () => {
  it("says so in one sentence, with what runs and waits", () => {
    const health = assess();
    expect(health).toMatchObject({ tone: "green", title: "All is well", needs: [] });
    expect(health.facts).toEqual(["38 running", "oldest waiting 0.4 s"]);
    expect(health.rest).toBe("3 workers, 38 of 60 slots busy. Nothing died in the last 15 min.");
  });

  it("tells the pace where the server counts", () => {
    expect(assess({}, { pace: { perMinute: 1204 } }).facts[0]).toBe("1,204 tasks/min");
  });

  it.each<[string, Partial<WireOverview>, Else]>([
    ["nothing waits and no worker runs", { workers: [], counts: {}, oldest_pending_seconds: null, queues: [] }, {}],
    ["a task died 15 minutes and a second ago", {}, { groups: [group(901)] }],
    ["a paused queue is empty", { queues: [{ ...paused, pending: 0 }] }, {}],
    ["the oldest task has waited a minute", waits(60), {}],
    ["a wait is long, but nine times the usual one", waits(270), { pace: { usualWaitMs: 30_000 } }],
    ["more tasks come than are done, and none waits", { counts: {}, queues: [] }, { pace: { growth: { minutes: 10, tasks: 5 } } }],
    ["a schedule is two minutes late", {}, { schedules: [schedule(120)] }],
    ["a late schedule is paused", {}, { schedules: [schedule(900, "audit")] }],
    ["one of a schedule's last two runs died", {}, { schedules: [schedule(0, null, ["dead", "completed", "dead"])] }],
    ["a schedule has died once in its life", {}, { schedules: [schedule(0, null, ["dead"])] }],
    ["the month's calls fit the budget", {}, { cost: { budget: 500_000, spent: 1, forecast: 500_000 } }],
    ["no budget is set", {}, { cost: { budget: null, spent: 1, forecast: 9_000_000 } }],
  ])("stays so when %s", (_name, over, other) => {
    expect(assess(over, other).title).toBe("All is well");
  });
});

describe("what needs the operator", () => {
  it.each<[string, Partial<WireOverview>, Else, string, string, string]>([
    ["no worker", { workers: [] }, {}, "red", "No worker is running", "What to check"],
    ["a lost worker", { workers: [wireWorker(), wireWorker({ name: "b", expires_at: ago(1) })] }, {}, "red", "Worker `b` stopped answering", "What to check"],
    ["an unserved queue", { queues: [wireQueue({ name: "rare", pending: 2 })] }, {}, "red", "No worker serves queue `rare`", "Show queue"],
    ["one death", {}, { groups: [group(12)] }, "red", "1 task of `email.send` died: SMTPAuthenticationError", "Review the group"],
    ["a paused queue", { queues: [paused] }, {}, "amber", "Queue `images` is paused", "Resume queue"],
    ["a long wait", waits(221), {}, "amber", "The oldest task of queue `emails` has waited 3 min 41 s", "Show queue"],
    ["a wait over ten times the usual one", waits(301), { pace: { usualWaitMs: 30_000 } }, "amber", "The oldest task of queue `emails` has waited 5 min 1 s", "Show queue"],
    ["more and more pending tasks", {}, { pace: { growth: { minutes: 10, tasks: 420 } } }, "amber", "More tasks come than are done, for 10 min", "Show pending"],
    ["a schedule whose last runs died", {}, { schedules: [schedule(0, null, ["running", "dead", "dead", "completed"])] }, "amber", "The last 2 runs of schedule `daily` died", "Show schedule"],
    ["a late schedule", {}, { schedules: [schedule(121)] }, "amber", "Schedule `daily` missed its time", "Show schedule"],
    ["a month that will not fit", {}, { cost: { budget: 500_000, spent: 412_480, forecast: 515_600 } }, "amber", "Commands are on pace to pass the month’s budget", "Details"],
  ])("%s", (_name, over, other, tone, what, step) => {
    const health = assess(over, other);
    expect(health.title).toBe("1 thing needs you");
    expect(health.tone).toBe(tone);
    expect(health.needs[0]).toMatchObject({ tone, what, step: { label: step } });
    expect(health.rest).toMatch(/^The rest is well: /);
  });

  it("puts red before amber and the larger first", () => {
    const health = assess({ queues: [paused, wireQueue({ name: "rare", pending: 9 })] }, { groups: [group(12, 1), group(30, 147, { task_type: "b" })] });
    expect(health.title).toBe("4 things need you");
    expect(health.tone).toBe("red");
    expect(health.needs.map((need) => [need.tone, need.size])).toEqual([["red", 147], ["red", 9], ["red", 1], ["amber", 2318]]);
  });

  it("does not blame a wait that a pause explains", () => {
    expect(assess({ queues: [{ ...paused, pending_by_priority: { 5: 2318 }, oldest_by_priority: { 5: ago(2280) } }] }).needs).toHaveLength(1);
  });
});

it.each([
  ["runs", [wireQueue({ name: "images", pending: 6 })], "images"],
  ["is paused", [paused], null],
])("offers to pause the queue of what dies while it %s", (_how, queues, offered) => {
  const { needs } = assess({ queues }, { groups: [group(12, 1, { queue: "images" })] });
  expect(needs.find(({ sign }) => sign === "dead")?.step).toMatchObject({ kind: "group", queue: offered });
});

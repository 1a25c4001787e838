import { describe, expect, it } from "vitest";
import { ago, NOW, wireError, wireOverview, wireQueue, wireTask, wireWorker } from "../test/factories";
import { assessHealth } from "./health";
import { toOverview } from "./overview";
import { toTask } from "./tasks";
import type { WireOverview, WireTask } from "./wire";

function assess(over: Partial<WireOverview> = {}, dead: WireTask[] = [], more = false) {
  return assessHealth({ now: NOW, overview: toOverview(wireOverview(over)), dead: { tasks: dead.map(toTask), more } });
}

const died = (seconds: number, over: Partial<WireTask> = {}) =>
  wireTask({ status: "dead", finished_at: ago(seconds), error: wireError(), ...over });
const paused = wireQueue({ name: "images", pending: 2318, paused: { at: null, by: "ops-laptop", reason: null } });

describe("all is well", () => {
  it("says so in one sentence, with what runs and waits", () => {
    const health = assess();
    expect(health).toMatchObject({ tone: "green", title: "All is well", needs: [] });
    expect(health.facts).toEqual(["38 running", "oldest waiting 0.4 s"]);
    expect(health.rest).toBe("3 workers, 38 of 60 slots busy. Nothing died in the last 15 min.");
  });

  it.each<[string, Partial<WireOverview>, WireTask[]]>([
    ["nothing waits and no worker runs", { workers: [], counts: {}, oldest_pending_seconds: null, queues: [] }, []],
    ["a task died 15 minutes and a second ago", {}, [died(901)]],
    ["a paused queue is empty", { queues: [{ ...paused, pending: 0 }] }, []],
    ["the oldest task has waited a minute", { oldest_pending_seconds: 60 }, []],
  ])("stays so when %s", (_name, over, dead) => {
    expect(assess(over, dead).title).toBe("All is well");
  });
});

describe("what needs the operator", () => {
  it.each<[string, Partial<WireOverview>, WireTask[], string, string, string]>([
    ["no worker", { workers: [] }, [], "red", "No worker is running", "What to check"],
    ["a lost worker", { workers: [wireWorker(), wireWorker({ name: "b", expires_at: ago(1) })] }, [], "red", "Worker `b` stopped answering", "What to check"],
    ["an unserved queue", { queues: [wireQueue({ name: "rare", pending: 2 })] }, [], "red", "No worker serves queue `rare`", "Show queue"],
    ["one death", {}, [died(12)], "red", "1 task of `email.send` died: SMTPAuthenticationError", "Show task"],
    ["a paused queue", { queues: [paused] }, [], "amber", "Queue `images` is paused", "Show queue"],
    ["a long wait", { oldest_pending_seconds: 221 }, [], "amber", "The oldest task has waited 3 min 41 s", "Show pending"],
  ])("%s", (_name, over, dead, tone, what, step) => {
    const health = assess(over, dead);
    expect(health.title).toBe("1 thing needs you");
    expect(health.tone).toBe(tone);
    expect(health.needs[0]).toMatchObject({ tone, what, step: { label: step } });
    expect(health.rest).toMatch(/^The rest is well: /);
  });

  it("groups deaths by type and error, and says when there may be more", () => {
    const other = { task_type: "image.resize", error: wireError({ type: "OSError" }) };
    const health = assess({}, [died(2), died(3), died(5, other)], true);
    expect(health.needs.map((need) => need.what)).toEqual([
      "At least 2 tasks of `email.send` died: SMTPAuthenticationError",
      "At least 1 task of `image.resize` died: OSError",
    ]);
  });

  it("puts red before amber and the larger first", () => {
    const health = assess({ queues: [paused, wireQueue({ name: "rare", pending: 9 })] }, [died(12)]);
    expect(health.title).toBe("3 things need you");
    expect(health.tone).toBe("red");
    expect(health.needs.map((need) => [need.tone, need.size])).toEqual([["red", 9], ["red", 1], ["amber", 2318]]);
  });

  it("does not blame a wait that a pause explains", () => {
    expect(assess({ queues: [paused], oldest_pending_seconds: 2280 }).needs).toHaveLength(1);
  });
});

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Announcements } from "./announcements";

describe("Announcements", () => {
  beforeEach(() => { vi.useFakeTimers(); });
  afterEach(() => { vi.useRealTimers(); });

  it("says the first at once and what follows within ten seconds in one go", () => {
    const all: string[] = [];
    const announcements = new Announcements();
    announcements.subscribe(() => { all.push(announcements.getSnapshot()); });
    announcements.say("All is well.");
    vi.advanceTimersByTime(1);
    announcements.say("Queue a is paused.");
    announcements.say("2 things need you.");
    announcements.say("Queue a is paused.");
    vi.advanceTimersByTime(9_900);
    expect(all).toEqual(["All is well."]);
    vi.advanceTimersByTime(200);
    expect(all).toEqual(["All is well.", "Queue a is paused. 2 things need you."]);
    vi.advanceTimersByTime(60_000);
    announcements.say("All is well.");
    vi.advanceTimersByTime(1);
    expect(all).toHaveLength(3);
  });
});

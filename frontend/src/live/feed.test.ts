import { describe, expect, it, vi } from "vitest";
import type { EventPage } from "../api/events";
import { Feed } from "./feed";

function page(over: Partial<EventPage> = {}): EventPage {
  return { hasEvents: false, cursor: "1-0", askAgainSeconds: 36, ...over };
}

function setUp(answers: (EventPage | null)[]) {
  let now = 1_000_000;
  const reads: boolean[] = [];
  const poll = vi.fn(() => Promise.resolve(answers.shift() ?? page()));
  const onPace = vi.fn();
  const feed = new Feed({
    read: (isForced) => Promise.resolve(void reads.push(isForced)),
    isCalm: () => false,
    onChange: () => undefined,
    onPace,
    poll,
    now: () => now,
  });
  return { feed, reads, poll, onPace, pass: (seconds: number) => { now += seconds * 1000; } };
}

describe("Feed", () => {
  it("reads everything each time where the server tells no events, and asks for them once", async () => {
    const { feed, reads, poll } = setUp([null]);
    poll.mockImplementation(() => Promise.resolve(null as never));
    await feed.read();
    await feed.read();
    expect(reads).toEqual([true, true]);
    expect(poll).toHaveBeenCalledTimes(1);
  });

  it("reads only what is due while nothing happens, and everything when something did", async () => {
    const { feed, reads, pass, onPace } = setUp([page(), page(), page({ hasEvents: true })]);
    await feed.read();
    pass(5);
    await feed.read();
    pass(5);
    await feed.read();
    expect(reads).toEqual([true, false, true]);
    expect(onPace).toHaveBeenLastCalledWith(36);
  });

  it("reads everything after half a minute where calls are billed, as no event tells of leases", async () => {
    const { feed, reads, pass } = setUp([]);
    await feed.read();
    pass(31);
    await feed.read();
    expect(reads).toEqual([true, true]);
  });

  it("reads everything when somebody asks for it", async () => {
    const { feed, reads } = setUp([]);
    await feed.read();
    feed.forceNext();
    await feed.read();
    expect(reads).toEqual([true, true]);
  });
});

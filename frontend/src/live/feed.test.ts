import { afterEach, describe, expect, it, vi } from "vitest";
import type { EventPage } from "../api/events";
import { Feed } from "./feed";
import type { openStream } from "./stream";

function page(over: Partial<EventPage> = {}): EventPage {
  return { hasEvents: false, cursor: "1-0", askAgainSeconds: 36, ...over };
}

function setUp(answers: (EventPage | null)[]) {
  let now = 1_000_000;
  const reads: boolean[] = [];
  const poll = vi.fn(() => Promise.resolve(answers.shift() ?? page()));
  const onPace = vi.fn();
  const open = vi.fn<typeof openStream>(() => () => undefined);
  const feed = new Feed({
    read: (isForced) => Promise.resolve(void reads.push(isForced)),
    isCalm: () => false,
    onChange: () => undefined,
    onPace,
    poll,
    open,
    now: () => now,
  });
  return { feed, reads, poll, open, onPace, pass: (seconds: number) => { now += seconds * 1000; } };
}

describe("Feed", () => {
  afterEach(() => { vi.unstubAllGlobals(); });

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

  it("opens one stream where the server is quick to answer, and tries a failed one again after a minute", async () => {
    vi.stubGlobal("EventSource", vi.fn());
    const { feed, open, pass, poll } = setUp([]);
    poll.mockImplementation(() => Promise.resolve(page({ askAgainSeconds: 1 })));
    await feed.read();
    await feed.read();
    expect(open).toHaveBeenCalledTimes(1);
    open.mock.calls[0]?.[0].onState("failed");
    expect(feed.getSnapshot()).toBe("failed");
    pass(59);
    await feed.read();
    expect(open).toHaveBeenCalledTimes(1);
    pass(2);
    await feed.read();
    expect(open).toHaveBeenCalledTimes(2);
  });

  it("does not ask for events while a stream tells them", async () => {
    vi.stubGlobal("EventSource", vi.fn());
    const { feed, open, poll } = setUp([page({ askAgainSeconds: 1 })]);
    await feed.read();
    open.mock.calls[0]?.[0].onState("open");
    await feed.read();
    expect(poll).toHaveBeenCalledTimes(1);
  });
});

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { openStream } from "./stream";

class FakeSource extends EventTarget {
  readyState = 0;
  isClosed = false;

  close() {
    this.isClosed = true;
    this.readyState = 2;
  }

  emit(type: string, readyState: number) {
    this.readyState = readyState;
    this.dispatchEvent(new Event(type));
  }
}

function setUp() {
  const sources: FakeSource[] = [];
  const onChange = vi.fn();
  const onState = vi.fn();
  const stop = openStream({
    url: "/api/events",
    onChange,
    onState,
    open: () => {
      const source = new FakeSource();
      sources.push(source);
      return source as unknown as EventSource;
    },
  });
  return { sources, onChange, onState, stop };
}

describe("openStream", () => {
  beforeEach(() => {
    vi.useFakeTimers();
    vi.stubGlobal("EventSource", { CONNECTING: 0, OPEN: 1, CLOSED: 2 });
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  it("says that it is open, and tells of changes", () => {
    const { sources, onChange, onState } = setUp();
    sources[0]?.emit("open", 1);
    expect(onState).toHaveBeenLastCalledWith("open");
    onChange.mockClear();
    sources[0]?.emit("message", 1);
    sources[0]?.emit("reset", 1);
    expect(onChange).toHaveBeenCalledTimes(2);
  });

  it("gives up within 5 s when it never opens", () => {
    const { sources, onState } = setUp();
    vi.advanceTimersByTime(5_000);
    expect(onState).toHaveBeenCalledWith("failed");
    expect(sources).toHaveLength(2);
    expect(sources.every((source) => source.isClosed)).toBe(true);
  });

  it("gives up within 5 s when the network refuses it again and again", () => {
    const { sources, onState } = setUp();
    for (let ms = 0; ms < 5_000; ms += 500) {
      sources.at(-1)?.emit("error", 0);
      vi.advanceTimersByTime(500);
    }
    expect(onState).toHaveBeenCalledWith("failed");
  });

  it("gives up at once on the second refusal by the server", () => {
    const { sources, onState } = setUp();
    sources[0]?.emit("error", 2);
    vi.advanceTimersByTime(500);
    sources[1]?.emit("error", 2);
    expect(onState).toHaveBeenCalledWith("failed");
  });

  it("lets the browser come back to a stream that ended by itself", () => {
    const { sources, onState } = setUp();
    sources[0]?.emit("open", 1);
    sources[0]?.emit("error", 0);
    vi.advanceTimersByTime(1_000);
    sources[0]?.emit("open", 1);
    vi.advanceTimersByTime(10_000);
    expect(onState).not.toHaveBeenCalledWith("failed");
    expect(sources).toHaveLength(1);
  });

  it("closes when it is stopped", () => {
    const { sources, onState, stop } = setUp();
    stop();
    vi.advanceTimersByTime(10_000);
    expect(sources[0]?.isClosed).toBe(true);
    expect(onState).not.toHaveBeenCalled();
  });
});

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Poller } from "./poller";

function setVisibility(state: "visible" | "hidden") {
  vi.spyOn(document, "visibilityState", "get").mockReturnValue(state);
  document.dispatchEvent(new Event("visibilitychange"));
}

describe("Poller", () => {
  const read = vi.fn<() => Promise<void>>();
  let poller: Poller;
  let stop: () => void;

  beforeEach(() => {
    vi.useFakeTimers();
    read.mockReset().mockResolvedValue();
    poller = new Poller({ read });
    stop = poller.start(window);
  });
  afterEach(() => {
    stop();
    vi.useRealTimers();
  });

  it("reads every two seconds, one read at a time", async () => {
    await vi.advanceTimersByTimeAsync(6000);
    expect(read).toHaveBeenCalledTimes(3);
    read.mockReturnValue(new Promise(() => undefined));
    await vi.advanceTimersByTimeAsync(20_000);
    expect(read).toHaveBeenCalledTimes(4);
  });

  it("rests while hidden and reads once on return", async () => {
    setVisibility("hidden");
    await vi.advanceTimersByTimeAsync(600_000);
    expect(read).not.toHaveBeenCalled();
    setVisibility("visible");
    expect(read).toHaveBeenCalledTimes(1);
  });

  it("slows down untouched and reads at once when touched", async () => {
    await vi.advanceTimersByTimeAsync(60_000);
    read.mockClear();
    await vi.advanceTimersByTimeAsync(11_000);
    expect(read).toHaveBeenCalledTimes(0);
    window.dispatchEvent(new Event("pointermove"));
    expect(read).toHaveBeenCalledTimes(1);
  });

  it("goes offline after three failed reads, tries at once on `online`, and comes back", async () => {
    await vi.advanceTimersByTimeAsync(2000);
    read.mockRejectedValue(new Error("away"));
    await vi.advanceTimersByTimeAsync(2000 + 1000 + 2000);
    expect(poller.getSnapshot()).toMatchObject({ status: "offline", nextTryAt: Date.now() + 4000 });
    expect(poller.getSnapshot().lastGoodAt).toBe(Date.now() - 5000);
    read.mockResolvedValue();
    window.dispatchEvent(new Event("online"));
    await vi.advanceTimersByTimeAsync(0);
    expect(poller.getSnapshot()).toMatchObject({ status: "live", nextTryAt: expect.any(Number) as number });
  });

  it("stops while paused and reads when resumed", async () => {
    poller.setPaused(true);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(read).not.toHaveBeenCalled();
    expect(poller.getSnapshot().status).toBe("paused");
    poller.setPaused(false);
    expect(read).toHaveBeenCalledTimes(1);
  });

  it("honours the server's pace from the next read on", async () => {
    poller.setPace(10);
    await vi.advanceTimersByTimeAsync(2000);
    await vi.advanceTimersByTimeAsync(9000);
    expect(read).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(1000);
    expect(read).toHaveBeenCalledTimes(2);
  });
});

import { describe, expect, it } from "vitest";
import { fitting, isCounted, orderOf, summaryOf, wholeGroup, withOnlyOf, withStatus } from "./filters";
import { readTaskSearch } from "./search-params";

describe("filters that the server answers together", () => {
  it("brings the status that a priority, a worker or an error needs, and drops what does not fit it", () => {
    expect(withOnlyOf({ queue: "a", status: "dead", error: "e" }, "priority", 7)).toEqual({ queue: "a", status: "pending", priority: 7 });
    expect(withOnlyOf({ status: "pending", priority: 7 }, "worker", "vps-1")).toEqual({ status: "running", worker: "vps-1" });
    expect(withOnlyOf({ status: "dead", error: "e" }, "error", undefined)).toEqual({ status: "dead" });
  });

  it("drops them with another status, and keeps the rest", () => {
    expect(withStatus({ status: "dead", error: "e", queue: "a", key: "k", type: "t" }, "completed")).toEqual({ status: "completed", queue: "a", key: "k", type: "t" });
  });

  it.each([
    [{ key: "k" }, {}],
    [{ queue: "a", key: "k", schedule: "s" }, { queue: "a", key: "k" }],
    [{ status: "completed", priority: 5, worker: "w", error: "e" } as const, { status: "completed" }],
  ])("%o becomes %o", (filter, fits) => {
    expect(fitting(filter)).toEqual(fits);
  });

  it("reads them from the address, in range and with what they need", () => {
    expect(readTaskSearch({ status: "pending", priority: 10 })).toEqual({ status: "pending", priority: 10 });
    expect(readTaskSearch({ status: "pending", priority: 11 })).toEqual({ status: "pending" });
    expect(readTaskSearch({ priority: 5, worker: "w" })).toEqual({});
    expect(readTaskSearch({ queue: "a", key: 17 })).toEqual({ queue: "a", key: "17" });
  });

  it("knows what is counted, and what is the whole of an error group", () => {
    expect([isCounted({ status: "dead", queue: "a" }), isCounted({ status: "dead", error: "e" })]).toEqual([true, false]);
    expect(wholeGroup({ status: "dead", error: "e" })).toBe("e");
    expect(wholeGroup({ status: "dead", error: "e", queue: "a" })).toBeUndefined();
    expect(wholeGroup({ status: "dead", error: "e", type: "t" })).toBeUndefined();
  });

  it("says how many there are where that is known", () => {
    expect(summaryOf({ status: "dead" }, 1)).toBe("1 task, newest first");
    expect(summaryOf({ status: "dead", type: "t" }, null)).toBe("newest first");
    expect(summaryOf({ status: "running" }, 1204)).toBe("1,204 tasks");
  });

  it.each([
    [{}, "running, then pending, then due, then ended"],
    [{ status: "dead" } as const, "newest first"],
    [{ status: "dead", error: "e" } as const, "by id, newest first"],
    [{ schedule: "s" }, "its last 10 times, newest first"],
  ])("%o is listed %s", (filter, order) => {
    expect(orderOf(filter)).toBe(order);
  });
});

import { describe, expect, it } from "vitest";
import type { TaskPage } from "../../api/tasks";
import { toTask } from "../../api/tasks";
import { visibleRows } from "../../hooks/use-virtual-rows";
import { wireTask } from "../../test/factories";
import { heldRows, listRows } from "./list-rows";
import { readTaskSearch } from "./search-params";

const page = (...ids: string[]): TaskPage => ({ tasks: ids.map((id) => toTask(wireTask({ id }))), nextCursor: null });

describe("listRows", () => {
  it("follows the first page until it is held", () => {
    expect(listRows(page("b", "a"), null).rows.map((task) => task.id)).toEqual(["b", "a"]);
    expect(listRows(undefined, null)).toEqual({ rows: [], newer: 0 });
  });

  it("keeps places while held, counts what is new, renews what is known, repeats nothing", () => {
    const first = page("d", "c", "b");
    const { rows, newer } = listRows(first, heldRows(page("c", "b"), [page("b", "a")]));
    expect(rows.map((task) => task.id)).toEqual(["c", "b", "a"]);
    expect(rows[0]).toBe(first.tasks[1]);
    expect(newer).toBe(1);
  });
});

describe("visibleRows", () => {
  it("draws what is in sight and a margin, and keeps the full height", () => {
    const { start, end, before, after } = visibleRows(10_000, 36, 36_000, 720);
    expect([start, end]).toEqual([996, 1024]);
    expect(before + (end - start) * 36 + after).toBe(360_000);
  });

  it("stays within a list that became shorter", () => {
    expect(visibleRows(3, 36, 36_000, 720)).toEqual({ start: 3, end: 3, before: 108, after: 0 });
  });
});

describe("readTaskSearch", () => {
  it.each([
    [{ status: "dead", queue: "emails", type: "email.send" }, { status: "dead", queue: "emails", type: "email.send" }],
    [{ status: "lost", page: 3 }, {}],
    [{ queue: 42, type: "" }, { queue: "42" }],
    [{ queue: ["a"], type: "x".repeat(256) }, {}],
  ])("%o reads as %o", (search, filter) => {
    expect(readTaskSearch(search)).toEqual(filter);
  });
});

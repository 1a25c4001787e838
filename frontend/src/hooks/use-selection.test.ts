import { describe, expect, it } from "vitest";
import { selectRange } from "./use-selection";

const IDS = ["a", "b", "c", "d"];

describe("selectRange", () => {
  it("toggles one", () => {
    expect([...selectRange(new Set(), IDS, null, "b", false)]).toEqual(["b"]);
    expect([...selectRange(new Set(["b"]), IDS, "b", "b", false)]).toEqual([]);
  });

  it("takes all from the last clicked one, in either direction", () => {
    expect([...selectRange(new Set(["b"]), IDS, "b", "d", true)]).toEqual(["b", "c", "d"]);
    expect([...selectRange(new Set(["d"]), IDS, "d", "b", true)].sort()).toEqual(["b", "c", "d"]);
  });

  it("clears a range by a click on a selected one", () => {
    expect([...selectRange(new Set(IDS), IDS, "a", "c", true)]).toEqual(["d"]);
  });

  it("toggles one when the other end is gone", () => {
    expect([...selectRange(new Set(), IDS, "gone", "c", true)]).toEqual(["c"]);
  });
});

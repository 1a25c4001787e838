import { describe, expect, it } from "vitest";
import { fromLocal, toLocal } from "./local-time";

describe("times of a form", () => {
  it("come back as they went in, in the viewer's own time", () => {
    const iso = new Date(2026, 10, 5, 7, 8, 9).toISOString();
    expect(toLocal(iso)).toBe("2026-11-05T07:08:09");
    expect(fromLocal(toLocal(iso))).toBe(iso);
  });

  it("are none when the field is empty, or half filled", () => {
    expect(fromLocal("")).toBeUndefined();
    expect(fromLocal("nonsense")).toBeUndefined();
    expect(toLocal(undefined)).toBe("");
  });
});

import { describe, expect, it } from "vitest";
import { placeMarkers } from "./markers";

const say = (at: number) => `at ${at}`;

describe("placeMarkers", () => {
  it("leaves out what lies outside and keeps the order of time", () => {
    const markers = [{ at: 90, text: "b" }, { at: 10, text: "a" }, { at: 101, text: "late" }, { at: -1, text: "early" }];
    expect(placeMarkers(markers, 0, 100, 5, say)).toEqual([{ at: 10, text: "a" }, { at: 90, text: "b" }]);
  });

  it("tells those together that would lie upon each other, and no more than two of them", () => {
    const near = [{ at: 10, text: "emails paused" }, { at: 14, text: "worker 1.8.2 started" }];
    expect(placeMarkers(near, 0, 100, 5, say)).toEqual([{ at: 10, text: "emails paused at 10, worker 1.8.2 started at 14" }]);
    expect(placeMarkers([...near, { at: 18, text: "emails resumed" }], 0, 100, 5, say)[0]?.text).toMatch(/at 14 and 1 more$/);
  });
});

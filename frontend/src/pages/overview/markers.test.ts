import { describe, expect, it } from "vitest";
import { toOverview } from "../../api/overview";
import { wireOverview, wireQueue } from "../../test/factories";
import { markersOf } from "./use-markers";

describe("markersOf", () => {
  it("marks pauses, the ends of pauses, and versions whose workers are gone, too", () => {
    const overview = toOverview(wireOverview({
      queues: [wireQueue({ name: "images", paused: { by: "ops", at: "2026-11-24T13:43:00.120Z", reason: "" } })],
      workers: [],
      versions: [{ version: "1.8.2", at: "2026-11-24T13:44:00Z" }, { version: "1.8.1", at: "2026-11-20T09:00:00Z" }],
    }));
    const entry = { id: "1", by: "ops", detail: "" };
    const actions = [
      { ...entry, action: "pause", target: "images", at: new Date("2026-11-24T13:43:00.130Z") },
      { ...entry, action: "resume", target: "emails", at: new Date("2026-11-24T13:20:00Z") },
      { ...entry, action: "create schedule", target: "emails", at: new Date("2026-11-24T13:20:00Z") },
    ];
    expect(markersOf(overview, actions).map(({ text }) => text).sort()).toEqual(["emails resumed", "images paused", "worker 1.8.1 deployed", "worker 1.8.2 deployed"]);
  });
});

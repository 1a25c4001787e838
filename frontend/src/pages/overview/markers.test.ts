import { describe, expect, it } from "vitest";
import { toOverview } from "../../api/overview";
import { wireOverview, wireQueue, wireWorker } from "../../test/factories";
import { markersOf } from "./use-markers";

describe("markersOf", () => {
  it("marks pauses, the ends of pauses, and the first start of each version", () => {
    const overview = toOverview(wireOverview({
      queues: [wireQueue({ name: "images", paused: { by: "ops", at: "2026-11-24T13:43:00.120Z", reason: "" } })],
      workers: [
        wireWorker({ name: "a", version: "1.8.2", started_at: "2026-11-24T13:44:00Z" }),
        wireWorker({ name: "b", version: "1.8.2", started_at: "2026-11-24T13:50:00Z" }),
      ],
    }));
    const entry = { id: "1", by: "ops", detail: "" };
    const actions = [
      { ...entry, action: "pause", target: "images", at: new Date("2026-11-24T13:43:00.130Z") },
      { ...entry, action: "resume", target: "emails", at: new Date("2026-11-24T13:20:00Z") },
      { ...entry, action: "create schedule", target: "emails", at: new Date("2026-11-24T13:20:00Z") },
    ];
    expect(markersOf(overview, actions).map(({ text }) => text).sort()).toEqual(["emails resumed", "images paused", "worker 1.8.2 started"]);
  });
});

import { describe, expect, it } from "vitest";
import { lastSeen } from "./last-seen";

const NOW = Date.parse("2026-11-24T14:20:00Z");
const LEASE = 30_000;
const PRESENCE = 330_000;
/** How long ago a worker was seen whose lease or presence has so much left. */
const ago = (leftMs: number, isBusy: boolean) => {
  const seen = lastSeen({ expiresAt: new Date(NOW + leftMs), leaseMs: LEASE, presenceMs: PRESENCE }, isBusy, NOW);
  return seen === null ? null : (NOW - seen.getTime()) / 1000;
};

describe("lastSeen", () => {
  it.each([
    ["busy, has just renewed", 29_000, true, 1],
    ["busy, has just renewed, by a server whose clock is read a little late", 30_200, true, 0],
    ["busy and killed, all but lost", 1_000, true, 29],
    ["lost, its tasks are not given away yet", -4_000, true, 34],
    ["idle for three minutes", 150_000, false, 180],
    ["idle, has just ended its last task", 25_000, false, 5],
    ["idle and killed, its presence ends soon", 6_000, false, 324],
    ["idle and killed, its presence has ended", -2_000, false, 332],
  ])("%s", (_, left, isBusy, seconds) => {
    expect(ago(left, isBusy)).toBe(seconds);
  });

  it("is unknown of a worker that never told its lease", () => {
    expect(lastSeen({ expiresAt: new Date(NOW), leaseMs: null, presenceMs: null }, true, NOW)).toBeNull();
  });
});

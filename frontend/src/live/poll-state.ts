/** When to read next, and what to say about it. Pure: the poller feeds it events and times. */

export type LiveStatus = "connecting" | "live" | "paused" | "offline";

export interface PollState {
  /** Seconds between reads that the server, or the default, asks for. */
  readonly paceSeconds: number;
  /** Failed reads since the last good one. */
  readonly failures: number;
  readonly lastGoodAt: number | null;
  readonly paused: boolean;
}

export interface Surroundings {
  readonly visible: boolean;
  readonly now: number;
  /** When the viewer last moved, typed, scrolled or tapped. */
  readonly touchedAt: number;
}

const DEFAULT_PACE_SECONDS = 2;
const UNTOUCHED_AFTER_MS = 60_000;
const UNTOUCHED_FACTOR = 6;
const FAILURES_UNTIL_OFFLINE = 3;
const LONGEST_RETRY_SECONDS = 30;

export const initialPollState: PollState = {
  paceSeconds: DEFAULT_PACE_SECONDS,
  failures: 0,
  lastGoodAt: null,
  paused: false,
};

export function afterGoodRead(state: PollState, now: number): PollState {
  return { ...state, failures: 0, lastGoodAt: now };
}

export function afterFailedRead(state: PollState): PollState {
  return { ...state, failures: state.failures + 1 };
}

export function withPace(state: PollState, seconds: number): PollState {
  return { ...state, paceSeconds: Math.min(Math.max(seconds, 0.5), 3600) };
}

export function withPaused(state: PollState, paused: boolean): PollState {
  return { ...state, paused };
}

export function statusOf(state: PollState): LiveStatus {
  if (state.failures >= FAILURES_UNTIL_OFFLINE) return "offline";
  if (state.paused) return "paused";
  return state.lastGoodAt === null ? "connecting" : "live";
}

export function isUntouched({ now, touchedAt }: Surroundings): boolean {
  return now - touchedAt >= UNTOUCHED_AFTER_MS;
}

/** Milliseconds until the next read, or null for none until something happens (shown again, resumed). */
export function nextDelay(state: PollState, surroundings: Surroundings): number | null {
  if (!surroundings.visible || state.paused) return null;
  if (state.failures > 0) return Math.min(2 ** (state.failures - 1), LONGEST_RETRY_SECONDS) * 1000;
  return state.paceSeconds * 1000 * (isUntouched(surroundings) ? UNTOUCHED_FACTOR : 1);
}

/** How far this machine's clock is off the server's. Ages count on the server's clock, so that they are true. */

const TRAVEL_TIME_MS = 2000;

let offset = 0;

/** Learns from an answer that carries the server's time. A small difference is the answer's way here. */
export function syncClock(serverNow: Date, receivedAt: number): void {
  const difference = serverNow.getTime() - receivedAt;
  offset = Math.abs(difference) < TRAVEL_TIME_MS ? 0 : difference;
}

export function toServerTime(localTime: number): number {
  return localTime + offset;
}

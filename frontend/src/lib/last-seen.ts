interface Seen {
  readonly expiresAt: Date;
  readonly leaseMs: number | null;
  readonly presenceMs: number | null;
}

/** Of a lease: a living worker has renewed it before so little is left. */
const LEFT_AT_RENEWAL = 0.5;
/** The server's clock, as it is known here, may be behind by what an answer takes. */
const SLACK_MS = 1000;

/**
 * When a worker last said that it is there. While it runs something it renews a short lease; while it does not, a long
 * presence, and rarely. How much is left tells which of the two it was: of a lease that nothing was run under, a living
 * worker would have made a presence. Null where it never told how long they hold. Pure.
 */
export function lastSeen({ expiresAt, leaseMs, presenceMs }: Seen, isBusy: boolean, now: number): Date | null {
  if (leaseMs === null || presenceMs === null) return null;
  const left = expiresAt.getTime() - now;
  const isLease = left <= leaseMs + SLACK_MS && (isBusy || left > leaseMs * LEFT_AT_RENEWAL);
  return new Date(Math.min(now, expiresAt.getTime() - (isLease ? leaseMs : presenceMs)));
}

import { queryOptions } from "@tanstack/react-query";
import { syncClock } from "../lib/clock";
import { read } from "./client";
import type { TaskStatus, WireCounts, WireOverview, WireQueue, WireWorker } from "./wire";

export type Counts = Readonly<Record<TaskStatus, number>>;

interface Pause {
  readonly at: Date | null;
  readonly by: string | null;
  readonly reason: string | null;
}

export interface PriorityCount {
  readonly priority: number;
  readonly count: number;
  /** Since when the first of them waits; null when it was not looked for. */
  readonly oldestSince: Date | null;
}

export interface Queue {
  readonly name: string;
  readonly counts: Counts;
  /** Pending tasks that a worker can take, the highest priority first. */
  readonly byPriority: readonly PriorityCount[];
  /** Since when the first of all of them waits; null when nothing waits, or it was not looked for. */
  readonly oldestSince: Date | null;
  /** Of the pending ones: wait for room under a limit, or for a worker that knows their type. */
  readonly parked: number;
  readonly limit: Limit | null;
  /** Of each limit key that has none of its own. */
  readonly keyLimit: Limit | null;
  readonly paused: Pause | null;
}

export interface Limit {
  /** Tasks that run at once, on all workers together; null is no bound. */
  readonly concurrency: number | null;
  /** How often tasks start. */
  readonly rate: { readonly limit: number; readonly periodSeconds: number } | null;
}

export interface Worker {
  readonly name: string;
  readonly host: string;
  readonly version: string;
  readonly queues: readonly string[];
  readonly types: readonly string[];
  /** Tasks it can run at once. */
  readonly slots: number;
  /** Finishes what it runs and claims no more. */
  readonly isDraining: boolean;
  /** What its process took when it told last; null when it never did. */
  readonly memoryMb: number | null;
  readonly startedAt: Date;
  /** How long its lease holds while it runs something, and its presence while it does not; null when it never told. */
  readonly leaseMs: number | null;
  readonly presenceMs: number | null;
  /** Its lease: it counts as lost when it has not renewed it by then. */
  readonly expiresAt: Date;
}

/** When the first worker of a version started after one of another. */
interface VersionStart {
  readonly version: string;
  readonly at: Date;
}

export type Role = "admin" | "read" | "submit";

export interface Overview {
  readonly environment: string | null;
  readonly counts: Counts;
  readonly queues: readonly Queue[];
  readonly workers: readonly Worker[];
  /** Since when the oldest task waits. An age would stand still while the answer stays the same. */
  readonly oldestPendingSince: Date | null;
  /** The last few, the latest first. */
  readonly versions: readonly VersionStart[];
  readonly role: Role | null;
}

function toCounts(wire: WireCounts): Counts {
  return {
    waiting: wire.waiting ?? 0,
    scheduled: wire.scheduled ?? 0,
    pending: wire.pending ?? 0,
    running: wire.running ?? 0,
    completed: wire.completed ?? 0,
    retrying: wire.retrying ?? 0,
    dead: wire.dead ?? 0,
    cancelled: wire.cancelled ?? 0,
  };
}

/** A time as ISO 8601, or as milliseconds since 1970 in whatever form. */
function toInstant(value: unknown): Date | null {
  if (typeof value !== "string" && typeof value !== "number") return null;
  const at = new Date(/^\d+$/.test(String(value)) ? Number(value) : value);
  return Number.isNaN(at.getTime()) ? null : at;
}

function toPause(paused: WireQueue["paused"]): Pause | null {
  if (!paused) return null;
  const { at, by, reason } = paused;
  return {
    at: toInstant(at),
    by: typeof by === "string" && by !== "" ? by : null,
    reason: typeof reason === "string" && reason !== "" ? reason : null,
  };
}

function toLimit(wire: WireQueue["limit"]): Limit | null {
  if (!wire) return null;
  const { rate } = wire;
  return { concurrency: wire.concurrency ?? null, rate: rate ? { limit: rate.limit, periodSeconds: rate.period_seconds } : null };
}

/** The first of some times, of which some are not known. */
function earliest(times: readonly (Date | null)[]): Date | null {
  return times.reduce((first, at) => (first === null || (at !== null && at < first) ? at : first), null);
}

/** The queues' priorities as one. */
export function sumPriorities(queues: readonly Queue[]): readonly PriorityCount[] {
  const found = new Map<number, PriorityCount>();
  for (const one of queues.flatMap((queue) => queue.byPriority)) {
    const known = found.get(one.priority);
    found.set(one.priority, {
      priority: one.priority,
      count: one.count + (known?.count ?? 0),
      oldestSince: earliest([known?.oldestSince ?? null, one.oldestSince]),
    });
  }
  return [...found.values()];
}

function toQueue(wire: WireQueue): Queue {
  const since = wire.oldest_by_priority ?? {};
  const byPriority = Object.entries(wire.pending_by_priority ?? {})
    .map(([priority, count]) => ({ priority: Number(priority), count, oldestSince: toInstant(since[priority]) }))
    .sort((a, b) => b.priority - a.priority);
  return {
    name: wire.name,
    counts: toCounts(wire),
    byPriority,
    oldestSince: earliest(byPriority.map((each) => each.oldestSince)),
    parked: wire.parked,
    limit: toLimit(wire.limit),
    keyLimit: toLimit(wire.key_limit),
    paused: toPause(wire.paused),
  };
}

function toWorker(wire: WireWorker): Worker {
  return {
    name: wire.name,
    host: wire.host,
    version: wire.version,
    queues: wire.queues,
    types: wire.types,
    slots: wire.slots,
    isDraining: wire.draining,
    memoryMb: wire.memory_mb ?? null,
    startedAt: new Date(wire.started_at),
    leaseMs: wire.lease_seconds == null ? null : wire.lease_seconds * 1000,
    presenceMs: wire.presence_seconds == null ? null : wire.presence_seconds * 1000,
    expiresAt: new Date(wire.expires_at),
  };
}

function toRole(role: string | null | undefined): Role | null {
  return role === "admin" || role === "read" || role === "submit" ? role : null;
}

export function toOverview(wire: WireOverview): Overview {
  const oldest = wire.oldest_pending_seconds ?? null;
  return {
    environment: wire.environment,
    counts: toCounts(wire.counts),
    queues: wire.queues.map(toQueue),
    workers: wire.workers.map(toWorker),
    oldestPendingSince: oldest === null ? null : new Date(Date.parse(wire.now) - oldest * 1000),
    versions: (wire.versions ?? []).map(({ version, at }) => ({ version, at: new Date(at) })),
    role: toRole(wire.role),
  };
}

/** Every new answer tells the server's time. */
function receive(wire: WireOverview): Overview {
  syncClock(new Date(wire.now), Date.now());
  return toOverview(wire);
}

export function overviewOptions() {
  return queryOptions({
    queryKey: ["overview"],
    queryFn: ({ signal }) => read("/overview", { convert: receive, signal }),
    meta: { live: true },
  });
}

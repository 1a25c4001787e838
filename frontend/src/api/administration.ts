import { queryOptions } from "@tanstack/react-query";
import { readIfOffered } from "./client";
import type { components } from "./schema.gen";

export interface AuditEntry {
  readonly id: string;
  readonly at: Date;
  readonly action: string;
  readonly target: string;
  readonly by: string;
  readonly detail: string;
}

interface WireAuditPage {
  entries: { id: string; at: string; action: string; target: string; by: string; detail: string }[];
}

/** The newest control actions; null where the server keeps no log. */
export function auditOptions(limit: number) {
  return queryOptions({
    queryKey: ["audit", limit],
    queryFn: ({ signal }) =>
      readIfOffered(`/audit?limit=${limit}`, {
        convert: ({ entries }: WireAuditPage): readonly AuditEntry[] => entries.map((entry) => ({ ...entry, at: new Date(entry.at) })),
        signal,
      }),
    meta: { live: true, everySeconds: 15 },
  });
}

const RECENT = 50;

/** The newest control actions as a page finds them when it opens; not read again by itself, as reads cost. */
export function recentActionsOptions() {
  return queryOptions({ ...auditOptions(RECENT), queryKey: ["audit", "once"], staleTime: Infinity, meta: {} });
}

export interface ApiKey {
  readonly name: string;
  readonly role: string;
  readonly queues: readonly string[] | null;
  readonly usedAt: Date | null;
}

interface WireKeys {
  keys: { name: string; role: string; queues: string[] | null; last_used_at: string | null }[];
}

/** The keys that are set, never their secrets; null where the server does not list them. */
export function keysOptions() {
  return queryOptions({
    queryKey: ["keys"],
    queryFn: ({ signal }) =>
      readIfOffered("/keys", {
        convert: ({ keys }: WireKeys): readonly ApiKey[] =>
          keys.map(({ last_used_at, ...key }) => ({ ...key, usedAt: last_used_at === null ? null : new Date(last_used_at) })),
        signal,
      }),
    meta: { live: true, everySeconds: 60 },
  });
}

export interface LimitInForce {
  readonly name: string;
  readonly unit: string;
  readonly value: number | string | null;
  /** What sets it; null when nothing does. */
  readonly variable: string | null;
}

/** What the deployment bounds; null where the server does not say. */
export function limitsInForceOptions() {
  return queryOptions({
    queryKey: ["limits in force"],
    queryFn: ({ signal }) =>
      readIfOffered("/settings", { convert: ({ limits }: components["schemas"]["LimitsInForce"]): readonly LimitInForce[] => limits, signal }),
    staleTime: Infinity,
  });
}

/** For how long ended tasks are kept; null where the server does not say. A worker may have other settings. */
export function keptMs(limits: readonly LimitInForce[] | null | undefined, status: "dead" | "ended"): number | null {
  const variable = status === "dead" ? "DEAD_RETENTION_SECONDS" : "RETENTION_SECONDS";
  const value = limits?.find((limit) => limit.variable === variable)?.value;
  return typeof value === "number" ? value * 1000 : null;
}

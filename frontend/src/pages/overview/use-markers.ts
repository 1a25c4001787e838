import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import type { AuditEntry } from "../../api/administration";
import { recentActionsOptions } from "../../api/administration";
import type { Overview } from "../../api/overview";
import type { Marker } from "../../lib/markers";

const DONE: Readonly<Record<string, string>> = { pause: "paused", resume: "resumed" };

/** When queues were paused and resumed, and when versions of workers began. Pure. */
export function markersOf({ queues, versions }: Pick<Overview, "queues" | "versions">, actions: readonly AuditEntry[]): readonly Marker[] {
  const markers = new Map<string, Marker>();
  const add = (at: number, text: string) => { markers.set(`${text} ${Math.floor(at / 1000)}`, { at, text }); };
  for (const { action, target, at } of actions) {
    const done = DONE[action];
    if (done !== undefined) add(at.getTime(), `${target} ${done}`);
  }
  // Read again each second, unlike the log: it has what was paused since that was read.
  for (const { name, paused } of queues) if (paused?.at) add(paused.at.getTime(), `${name} paused`);
  for (const { version, at } of versions) add(at.getTime(), `worker ${version} deployed`);
  return [...markers.values()];
}

export function useMarkers(overview: Overview): readonly Marker[] {
  const { data } = useQuery(recentActionsOptions());
  return useMemo(() => markersOf(overview, data ?? []), [overview, data]);
}

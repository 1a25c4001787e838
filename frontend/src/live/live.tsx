import type { Query } from "@tanstack/react-query";
import { useQueryClient } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { createContext, useContext, useEffect, useState, useSyncExternalStore } from "react";
import { onPace } from "../api/client";
import { ApiProblem } from "../api/problem";
import { Poller } from "./poller";

const LiveContext = createContext<Poller | null>(null);

/** Keeps every query marked `meta.live` that is on screen fresh, by polling. */
export function LiveProvider({ children }: { children: ReactNode }) {
  const client = useQueryClient();
  const [poller] = useState(
    () =>
      new Poller({
        read: async () => {
          const live = client.getQueryCache().findAll({ type: "active", predicate: isDue });
          await Promise.all(live.map((query) => query.fetch().catch(throwIfAway)));
        },
      }),
  );
  useEffect(() => {
    const stopPolling = poller.start(window);
    const stopPace = onPace((seconds) => { poller.setPace(seconds); });
    const stopWatching = client.getQueryCache().subscribe((event) => {
      if (event.type === "updated" && event.action.type === "success" && event.query.meta?.live === true) poller.noteGoodRead();
    });
    return () => {
      stopPolling();
      stopPace();
      stopWatching();
    };
  }, [client, poller]);
  return <LiveContext.Provider value={poller}>{children}</LiveContext.Provider>;
}

/** Whether a query on screen is to be read again now: not what the server does not offer, and slow ones at their own pace. */
function isDue(query: Query): boolean {
  const { meta, state } = query;
  if (meta?.live !== true || state.data === null || query.isDisabled()) return false;
  const every = typeof meta.everySeconds === "number" ? meta.everySeconds : 0;
  return state.isInvalidated || Date.now() - state.dataUpdatedAt >= every * 1000 - 500;
}

/** A refusal (404, 403) is an answer; only silence and the server's own trouble count as failed reads. */
function throwIfAway(error: unknown): void {
  if (!(error instanceof ApiProblem) || error.isPassing) throw error;
}

export function useLive() {
  const poller = useContext(LiveContext);
  if (poller === null) throw new Error("useLive needs a LiveProvider above it");
  const view = useSyncExternalStore(poller.subscribe, poller.getSnapshot);
  return { ...view, isStream: false, readNow: poller.readNow, setPaused: poller.setPaused };
}

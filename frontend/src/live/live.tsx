import type { Query, QueryClient } from "@tanstack/react-query";
import { useQueryClient } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { createContext, useContext, useEffect, useState, useSyncExternalStore } from "react";
import { onPace } from "../api/client";
import { ApiProblem } from "../api/problem";
import { Feed } from "./feed";
import { Poller } from "./poller";

interface Live {
  readonly poller: Poller;
  readonly feed: Feed;
}

const LiveContext = createContext<Live | null>(null);

function createLive(client: QueryClient): Live {
  const readDue = async (isForced: boolean) => {
    const live = client.getQueryCache().findAll({ type: "active", predicate: (query) => isDue(query, isForced, feed.leastSeconds) });
    await Promise.all(live.map((query) => query.fetch().catch(throwIfAway)));
  };
  const feed: Feed = new Feed({
    read: readDue,
    isCalm: () => poller.isCalm(),
    onChange: () => { poller.readNow(); },
    onPace: (seconds) => { poller.setPace(seconds); },
  });
  const poller = new Poller({ read: () => feed.read() });
  return { poller, feed };
}

/** Keeps every query marked `meta.live` that is on screen fresh: told by events where the server has them, else by polling. */
export function LiveProvider({ children }: { children: ReactNode }) {
  const client = useQueryClient();
  const [live] = useState(() => createLive(client));
  useEffect(() => {
    const { poller, feed } = live;
    const stopPolling = poller.start(window);
    const stopPace = onPace((seconds) => { poller.setPace(seconds); });
    const stopWatching = client.getQueryCache().subscribe((event) => {
      if (event.type === "updated" && event.action.type === "success" && event.query.meta?.live === true) poller.noteGoodRead();
    });
    return () => {
      stopPolling();
      stopPace();
      stopWatching();
      feed.stop();
    };
  }, [client, live]);
  return <LiveContext.Provider value={live}>{children}</LiveContext.Provider>;
}

/** Whether a query on screen is to be read again now: not what the server does not offer, and slow ones at their own pace. */
function isDue(query: Query, isForced: boolean, leastSeconds: number): boolean {
  const { meta, state } = query;
  if (meta?.live !== true || state.data === null || query.isDisabled()) return false;
  const every = typeof meta.everySeconds === "number" ? meta.everySeconds : 0;
  if (every === 0) return isForced || state.isInvalidated || state.data === undefined;
  return state.isInvalidated || Date.now() - state.dataUpdatedAt >= Math.max(every, leastSeconds) * 1000 - 500;
}

/** A refusal (404, 403) is an answer; only silence and the server's own trouble count as failed reads. */
function throwIfAway(error: unknown): void {
  if (!(error instanceof ApiProblem) || error.isPassing) throw error;
}

export function useLive() {
  const live = useContext(LiveContext);
  if (live === null) throw new Error("useLive needs a LiveProvider above it");
  const { poller, feed } = live;
  const view = useSyncExternalStore(poller.subscribe, poller.getSnapshot);
  const stream = useSyncExternalStore(feed.subscribe, feed.getSnapshot);
  const status = view.status === "live" && stream === "failed" ? ("polling" as const) : view.status;
  const readNow = () => {
    feed.forceNext();
    poller.readNow();
  };
  return { ...view, status, isStream: stream === "open", readNow, setPaused: poller.setPaused };
}

import { useSyncExternalStore } from "react";
import { toServerTime } from "../lib/clock";

/** One tick a second for the whole page, so that ages on it agree with each other. */

let localNow = Date.now();
let timer: ReturnType<typeof setInterval> | null = null;
const listeners = new Set<() => void>();

function tick(): void {
  localNow = Date.now();
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  if (timer === null) {
    localNow = Date.now();
    timer = setInterval(tick, 1000);
  }
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0 || timer === null) return;
    clearInterval(timer);
    timer = null;
  };
}

/** The server's clock in milliseconds since 1970, renewed every second: for ages of what it reports. */
export function useNow(): number {
  return useSyncExternalStore(subscribe, () => toServerTime(localNow));
}

/** What is to be said of the server's time now: drawn again only when the words change, as most ages do once a minute. */
export function useNowText(say: (now: number) => string): string {
  return useSyncExternalStore(subscribe, () => say(toServerTime(localNow)));
}

/** This machine's clock, renewed every second: for what happens in this page. */
export function useLocalNow(): number {
  return useSyncExternalStore(subscribe, () => localNow);
}

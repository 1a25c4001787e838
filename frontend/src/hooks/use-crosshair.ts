import { useSyncExternalStore } from "react";

/** One instant that the pointer or the arrow keys stand on, shared by all charts of the page; null for none. */

let at: number | null = null;
const listeners = new Set<() => void>();

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function setCrosshair(next: number | null): void {
  if (next === at) return;
  at = next;
  for (const listener of listeners) listener();
}

export function useCrosshair(): number | null {
  return useSyncExternalStore(subscribe, () => at);
}

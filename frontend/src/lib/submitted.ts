/** What was submitted in this tab, newest first: ids only, kept in memory. */

export interface SubmittedHere {
  readonly id: string;
  readonly type: string;
  readonly at: number;
}

const KEPT = 8;
let list: readonly SubmittedHere[] = [];
const listeners = new Set<() => void>();

export const submitted = {
  getSnapshot: (): readonly SubmittedHere[] => list,
  subscribe: (listener: () => void): (() => void) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
  add: (entry: SubmittedHere): void => {
    list = [entry, ...list].slice(0, KEPT);
    for (const listener of listeners) listener();
  },
};

/** Keyboard shortcuts: where they may act, and the wish to be without the single-key ones (WCAG 2.1.4). */

const STORED_AS = "dtq-single-keys";

let enabled = read();
const listeners = new Set<() => void>();

function read(): boolean {
  try {
    return localStorage.getItem(STORED_AS) !== "off";
  } catch {
    return true; // storage is closed to this page: the default holds
  }
}

export const singleKeys = {
  getSnapshot: (): boolean => enabled,
  subscribe: (listener: () => void): (() => void) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
  set: (on: boolean): void => {
    enabled = on;
    try {
      if (on) localStorage.removeItem(STORED_AS);
      else localStorage.setItem(STORED_AS, "off");
    } catch {
      // Storage is closed to this page: the choice lasts until the next load.
    }
    for (const listener of listeners) listener();
  },
};

/** Whether a key press belongs to what has focus: a field, a list to pick from, a dialog's own keys. */
export function isTyping(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest("input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable], [role=menu]") !== null;
}

export function isDialogOpen(): boolean {
  return document.querySelector("dialog[open]") !== null;
}

export const SHORTCUTS: readonly (readonly [keys: string, does: string])[] = [
  ["⌘K or Ctrl K", "find a task, a page or a command"],
  ["/", "the same"],
  ["g then o t d q w s", "Overview, Tasks, Dead letters, Queues, Workers, Schedules"],
  ["g then n e", "Submit a task, Settings"],
  ["j k or arrows", "next and previous row"],
  ["x", "select the row"],
  ["Enter", "open the row"],
  ["Space", "peek at the row"],
  ["f", "add a filter"],
  ["r", "requeue what is selected or open"],
  ["c", "cancel what is selected or open"],
  ["p", "pause or resume updates"],
  ["[ and ]", "previous and next task of the list"],
  ["Esc", "clear the selection, or back"],
  ["?", "this list"],
];

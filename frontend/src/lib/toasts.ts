import { announcements } from "./announcements";

/** Short messages at the foot of the page, one list for the whole page. */

interface Toast {
  readonly id: number;
  readonly tone: "green" | "red" | "neutral";
  /** `backticks` mark names of the user's. */
  readonly text: string;
  readonly action?: { readonly label: string; readonly run: () => void } | undefined;
  /** Text for "Copy details". */
  readonly details?: string | undefined;
  /** When it leaves by itself, ms since 1970; null for when it is closed. */
  readonly until: number | null;
}

type NewToast = Omit<Toast, "id" | "until"> & { readonly seconds?: number | null };

const SHOWN_AT_ONCE = 4;
const DEFAULT_SECONDS = 6;

class Toasts {
  private list: readonly Toast[] = [];
  private nextId = 1;
  private readonly listeners = new Set<() => void>();

  readonly getSnapshot = (): readonly Toast[] => this.list;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  show({ seconds = DEFAULT_SECONDS, ...toast }: NewToast): number {
    const id = this.nextId++;
    announcements.say(`${toast.text.replaceAll("`", "").replace(/\.$/, "")}.`);
    const until = seconds === null ? null : Date.now() + seconds * 1000;
    this.set([...this.list, { ...toast, id, until }].slice(-SHOWN_AT_ONCE));
    if (seconds !== null) setTimeout(() => { this.close(id); }, seconds * 1000);
    return id;
  }

  readonly close = (id: number): void => {
    if (this.list.some((toast) => toast.id === id)) this.set(this.list.filter((toast) => toast.id !== id));
  };

  private set(list: readonly Toast[]): void {
    this.list = list;
    for (const listener of this.listeners) listener();
  }
}

export const toasts = new Toasts();

/** Seconds in which a deletion can be taken back before it is sent. */
const UNDO_SECONDS = 6;

interface Undoable {
  readonly text: string;
  /** Sent when nobody took it back. */
  readonly send: () => void;
  readonly onUndo?: () => void;
}

/** Waits with Undo on show, then sends. Leaving the page sends at once, as the toast said what would happen. */
export function sendUnlessUndone({ text, send, onUndo }: Undoable): void {
  let settled = false;
  const settle = (act: (() => void) | undefined) => {
    if (settled) return;
    settled = true;
    clearTimeout(timer);
    window.removeEventListener("pagehide", now);
    act?.();
  };
  const now = () => { settle(send); };
  const timer = setTimeout(now, UNDO_SECONDS * 1000);
  window.addEventListener("pagehide", now);
  const id = toasts.show({
    tone: "neutral",
    text,
    seconds: UNDO_SECONDS,
    action: {
      label: "Undo",
      run: () => {
        toasts.close(id);
        settle(onUndo);
      },
    },
  });
}

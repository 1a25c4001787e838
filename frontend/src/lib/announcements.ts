/** What a screen reader is told without being asked: politely, and at most once in ten seconds, so that it gets to the page. */

const QUIET_MS = 10_000;

type Listener = () => void;

export class Announcements {
  private spoken = "";
  private waiting: readonly string[] = [];
  private lastAt = Number.NEGATIVE_INFINITY;
  private timer: ReturnType<typeof setTimeout> | null = null;
  private readonly listeners = new Set<Listener>();

  /** What was said last. */
  readonly getSnapshot = (): string => this.spoken;

  readonly subscribe = (listener: Listener): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** At once, or together with what else comes up until the pause is over. The same words wait once. */
  say(text: string): void {
    if (!this.waiting.includes(text)) this.waiting = [...this.waiting, text];
    this.timer ??= setTimeout(() => { this.speak(); }, Math.max(0, this.lastAt + QUIET_MS - Date.now()));
  }

  private speak(): void {
    this.timer = null;
    this.lastAt = Date.now();
    const text = this.waiting.join(" ");
    this.spoken = text === this.spoken ? `${text}\u00A0` : text; // words that do not change are not read out again
    this.waiting = [];
    for (const listener of this.listeners) listener();
  }
}

export const announcements = new Announcements();

import type { LiveStatus, PollState } from "./poll-state";
import {
  afterFailedRead,
  afterGoodRead,
  initialPollState,
  isUntouched,
  nextDelay,
  statusOf,
  withPace,
  withPaused,
} from "./poll-state";

export interface LiveView {
  readonly status: LiveStatus;
  readonly paceSeconds: number;
  readonly lastGoodAt: number | null;
  /** When the next read is due; null while one is under way, and when none comes by itself. */
  readonly nextTryAt: number | null;
}

interface PollerOptions {
  /** Reads everything on screen once; rejects when the server did not answer. */
  readonly read: () => Promise<void>;
  readonly now?: () => number;
}

/** Reads again and again at the pace of `nextDelay`, one read at a time. Frame-work free: `start` hooks it to a window. */
export class Poller {
  private state: PollState = initialPollState;
  private view: LiveView;
  private timer: ReturnType<typeof setTimeout> | null = null;
  private nextTryAt: number | null = null;
  private reading = false;
  private visible = true;
  private touchedAt: number;
  private stop: (() => void) | null = null;
  private readonly listeners = new Set<() => void>();
  private readonly now: () => number;

  constructor(private readonly options: PollerOptions) {
    this.now = options.now ?? Date.now;
    this.touchedAt = this.now();
    this.view = this.look();
  }

  readonly getSnapshot = (): LiveView => this.view;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  start(window: Window): () => void {
    const { document } = window;
    this.visible = document.visibilityState !== "hidden";
    const abort = new AbortController();
    const options = { signal: abort.signal, passive: true };
    document.addEventListener("visibilitychange", () => { this.setVisible(document.visibilityState !== "hidden"); }, options);
    window.addEventListener("online", () => { this.readNow(); }, options);
    for (const type of ["pointermove", "pointerdown", "keydown", "wheel", "touchstart"])
      window.addEventListener(type, () => { this.touch(); }, options);
    this.stop = () => { abort.abort(); };
    this.schedule();
    return () => {
      this.stop?.();
      this.stop = null;
      this.clearTimer();
    };
  }

  /** Reads at once, unless a read is under way. */
  readonly readNow = (): void => {
    if (this.reading) return;
    this.clearTimer();
    this.reading = true;
    this.nextTryAt = null;
    void this.options.read().then(
      () => { this.settle(afterGoodRead(this.state, this.now())); },
      () => { this.settle(afterFailedRead(this.state)); },
    );
  };

  /** A good answer that a page asked for by itself: what is on screen is fresh, so the next read can wait its turn. */
  noteGoodRead(): void {
    if (this.reading) return;
    this.update(afterGoodRead(this.state, this.now()));
    this.schedule();
  }

  /** Whether nobody has touched the page for a while. */
  isCalm(): boolean {
    return isUntouched(this.surroundings(this.now()));
  }

  setPace(seconds: number): void {
    this.update(withPace(this.state, seconds));
  }

  readonly setPaused = (paused: boolean): void => {
    this.update(withPaused(this.state, paused));
    if (paused) this.schedule();
    else this.readNow();
  };

  setVisible(visible: boolean): void {
    const returned = visible && !this.visible;
    this.visible = visible;
    if (returned && !this.state.paused) this.readNow();
    else this.schedule();
  }

  /** The viewer is here. After a minute away the slow pace ends with the first touch. */
  touch(): void {
    const now = this.now();
    const before = nextDelay(this.state, this.surroundings(now));
    this.touchedAt = now;
    const after = nextDelay(this.state, this.surroundings(now));
    if (before !== null && after !== null && after < before) this.readNow();
  }

  private settle(state: PollState): void {
    this.reading = false;
    this.update(state);
    this.schedule();
  }

  private schedule(): void {
    this.clearTimer();
    if (this.reading || this.stop === null) return;
    const delay = nextDelay(this.state, this.surroundings(this.now()));
    this.nextTryAt = delay === null ? null : this.now() + delay;
    if (delay !== null) this.timer = setTimeout(this.readNow, delay);
    this.update(this.state);
  }

  private surroundings(now: number) {
    return { visible: this.visible, now, touchedAt: this.touchedAt };
  }

  private clearTimer(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
  }

  private look(): LiveView {
    const { paceSeconds, lastGoodAt } = this.state;
    return { status: statusOf(this.state), paceSeconds, lastGoodAt, nextTryAt: this.nextTryAt };
  }

  private update(state: PollState): void {
    this.state = state;
    const view = this.look();
    const old = this.view;
    if (
      view.status === old.status &&
      view.paceSeconds === old.paceSeconds &&
      view.lastGoodAt === old.lastGoodAt &&
      view.nextTryAt === old.nextTryAt
    )
      return;
    this.view = view;
    for (const listener of this.listeners) listener();
  }
}

import type { EventPage } from "../api/events";
import { EVENT_STREAM, pollEvents } from "../api/events";
import { openStream } from "./stream";

export type StreamState = "none" | "open" | "failed";

interface FeedOptions {
  /** Reads what is on screen and due; forced: all of it. */
  readonly read: (isForced: boolean) => Promise<void>;
  readonly isCalm: () => boolean;
  readonly onChange: () => void;
  readonly onPace: (seconds: number) => void;
  readonly poll?: (after: string | null, isCalm: boolean) => Promise<EventPage | null>;
  readonly open?: typeof openStream;
  readonly now?: () => number;
}

/** A server that wants to be asked this often does not pay by the call: a stream is right there. */
const STREAM_UP_TO_SECONDS = 2;
/** What no event tells (leases, progress, figures) is read this often, by whether calls are billed. */
const FULL_READ_SECONDS = { fast: 3, saving: 30 } as const;
const STREAM_TRIED_AGAIN_MS = 60_000;
const CHANGES_GATHER_MS = 250;

/** Decides, each time the poller reads, whether a cheap look at the events will do. */
export class Feed {
  private cursor: string | null = null;
  private isOffered: boolean | null = null;
  private isFast = false;
  private fullReadAt = 0;
  private isForced = false;
  private stream: StreamState = "none";
  private failedAt = 0;
  private closeStream: (() => void) | null = null;
  private gathering: ReturnType<typeof setTimeout> | null = null;
  private readonly listeners = new Set<() => void>();
  private readonly now: () => number;

  constructor(private readonly options: FeedOptions) {
    this.now = options.now ?? Date.now;
  }

  readonly getSnapshot = (): StreamState => this.stream;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** What is read at a pace of its own is read no more often than this, seconds. */
  get leastSeconds(): number {
    return this.isFast ? 0 : FULL_READ_SECONDS.saving;
  }

  /** The next read is of everything: somebody asked for it. */
  forceNext(): void {
    this.isForced = true;
  }

  async read(): Promise<void> {
    if (this.isOffered === false) {
      await this.options.read(true);
      return;
    }
    const isChanged = this.stream === "open" ? false : await this.look();
    const age = (this.now() - this.fullReadAt) / 1000;
    const isOld = age >= FULL_READ_SECONDS[this.isFast ? "fast" : "saving"] - 0.5;
    const isFull = this.isForced || isChanged || isOld;
    this.isForced = false;
    await this.options.read(isFull);
    if (isFull) this.fullReadAt = this.now();
  }

  stop(): void {
    this.closeStream?.();
    this.closeStream = null;
    if (this.gathering !== null) clearTimeout(this.gathering);
    this.gathering = null;
    this.set("none");
  }

  /** Asks for events; true when something changed or nobody can tell. */
  private async look(): Promise<boolean> {
    const page = await (this.options.poll ?? pollEvents)(this.cursor, this.options.isCalm());
    if (page === null) {
      this.isOffered = false;
      return true;
    }
    const isFirst = this.isOffered === null;
    this.isOffered = true;
    this.cursor = page.cursor;
    this.isFast = page.askAgainSeconds <= STREAM_UP_TO_SECONDS;
    if (page.askAgainSeconds > 0) this.options.onPace(page.askAgainSeconds);
    const isLongAgo = this.stream === "failed" && this.now() - this.failedAt > STREAM_TRIED_AGAIN_MS;
    const mayTry = this.closeStream === null || isLongAgo; // else one is open, or about to be
    if (this.isFast && mayTry && typeof EventSource !== "undefined") this.openStream();
    return isFirst || page.hasEvents;
  }

  private openStream(): void {
    this.closeStream?.();
    this.closeStream = (this.options.open ?? openStream)({
      url: EVENT_STREAM,
      onChange: () => { this.gather(); },
      onState: (state) => {
        if (state === "failed") this.failedAt = this.now();
        this.set(state);
      },
    });
  }

  /** Many events within a moment are one read. */
  private gather(): void {
    this.isForced = true;
    this.gathering ??= setTimeout(() => {
      this.gathering = null;
      this.options.onChange();
    }, CHANGES_GATHER_MS);
  }

  private set(state: StreamState): void {
    if (state === this.stream) return;
    this.stream = state;
    for (const listener of this.listeners) listener();
  }
}

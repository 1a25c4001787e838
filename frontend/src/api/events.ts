import { readIfOffered } from "./client";

/** What has changed since a cursor, and when to ask again. */
export interface EventPage {
  readonly hasEvents: boolean;
  readonly cursor: string;
  readonly askAgainSeconds: number;
}

interface WireEventPage {
  events: unknown[];
  cursor: string;
  reset: boolean;
  poll_after_seconds: number;
}

/** Null where the server tells no events. `isCalm` asks for the slow pace. */
export function pollEvents(after: string | null, isCalm: boolean): Promise<EventPage | null> {
  const query = new URLSearchParams({ ...(after === null ? {} : { after }), ...(isCalm ? { pace: "calm" } : {}) });
  return readIfOffered(`/events/poll?${query.toString()}`, {
    convert: ({ events, cursor, reset, poll_after_seconds }: WireEventPage): EventPage => ({
      hasEvents: events.length > 0 || reset,
      cursor,
      askAgainSeconds: poll_after_seconds,
    }),
  });
}

export const EVENT_STREAM = "/api/events";

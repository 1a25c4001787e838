import type { Limit, Overview } from "../api/overview";
import { overviewOptions } from "../api/overview";
import { drainWorker, limitQueue, pauseQueue, resumeQueue } from "../api/operations";
import { toServerTime } from "../lib/clock";
import { plural } from "../lib/format";
import { useAction } from "./use-action";

const overviewKey = overviewOptions().queryKey;

function withPause(overview: Overview, name: string, paused: Overview["queues"][number]["paused"]): Overview {
  return { ...overview, queues: overview.queues.map((queue) => (queue.name === name ? { ...queue, paused } : queue)) };
}

interface PauseInput {
  readonly name: string;
  readonly reason: string;
}

interface LimitInput {
  readonly name: string;
  readonly limit: Limit | null;
  readonly perKey: Limit | null;
}

/** Pause and resume show at once. */
export function useQueueActions() {
  const pause = useAction({
    run: ({ name, reason }: PauseInput) => pauseQueue(name, reason),
    optimistic: {
      key: overviewKey,
      change: (old: Overview, { name, reason }: PauseInput) =>
        withPause(old, name, { at: new Date(toServerTime(Date.now())), by: null, reason: reason || null }),
    },
    refresh: [overviewKey],
    failed: ({ name }) => `Queue \`${name}\` could not be paused`,
  });
  const resume = useAction({
    run: (name: string) => resumeQueue(name),
    optimistic: { key: overviewKey, change: (old: Overview, name: string) => withPause(old, name, null) },
    refresh: [overviewKey],
    done: ({ pending }, name) => `Queue \`${name}\` takes up ${plural(pending, "task")} again`,
    failed: (name) => `Queue \`${name}\` could not be resumed`,
  });
  const limit = useAction({
    run: ({ name, limit: own, perKey }: LimitInput) => limitQueue(name, own, perKey),
    refresh: [overviewKey],
    done: (_, { name }) => `The limits of \`${name}\` are in force on all workers`,
    failed: ({ name }) => `The limits of \`${name}\` could not be set`,
  });
  return { pause, resume, limit };
}

export function useDrain() {
  return useAction({
    run: ({ name, drain }: { name: string; drain: boolean }) => drainWorker(name, drain),
    refresh: [overviewKey],
    done: ({ running }, { name, drain }) =>
      drain ? `\`${name}\` finishes ${plural(running, "task")} and claims no more` : `\`${name}\` claims tasks again`,
    failed: ({ name, drain }) => `\`${name}\` could not be ${drain ? "drained" : "told to claim again"}`,
  });
}

import { formatCount, plural } from "../lib/format";
import { formatClock, formatDuration } from "../lib/time";
import type { HealthInput, Need } from "./health-needs";
import { isHealthy, serves } from "./health-needs";
import type { Queue } from "./overview";
import type { Pace } from "./stats";

/** The part of the health rule that is about queues. */

const LONG_WAIT_MS = 60_000;
/** A wait is long when it is so many times the usual one. */
const LONG_WAIT_FACTOR = 10;

export function pausedNeed(queue: Queue): Need | null {
  if (!queue.paused || queue.counts.pending === 0) return null;
  const { at, by, reason } = queue.paused;
  const who = [by === null ? "" : `by ${by}`, at === null ? "" : `at ${formatClock(at)}`].filter(Boolean).join(" ");
  return {
    id: `paused ${queue.name}`,
    tone: "amber",
    sign: "paused",
    what: `Queue \`${queue.name}\` is paused`,
    details: [who, reason ?? "", plural(queue.counts.pending, "task waits", "tasks wait")].filter(Boolean),
    size: queue.counts.pending,
    step: { kind: "resume", label: "Resume queue", queue: queue.name },
  };
}

/** Of each queue that is served and not paused: its first task waits long, by the measure of the usual wait. */
export function waitNeeds({ overview: { queues, workers }, now, pace }: HealthInput): Need[] {
  const usualMs = pace?.usualWaitMs ?? 0;
  const healthy = workers.filter((worker) => isHealthy(worker, now));
  return queues.flatMap((queue): Need[] => {
    const waitedMs = queue.oldestSince === null ? 0 : now - queue.oldestSince.getTime();
    if (queue.paused || waitedMs <= Math.max(LONG_WAIT_MS, LONG_WAIT_FACTOR * usualMs)) return [];
    if (!healthy.some((worker) => serves(worker, queue.name))) return [];
    return [
      {
        id: `wait ${queue.name}`,
        tone: "amber",
        sign: "wait",
        what: `The oldest task of queue \`${queue.name}\` has waited ${formatDuration(waitedMs)}`,
        details: [plural(queue.counts.pending, "task waits", "tasks wait"), usualMs === 0 ? "" : `usually ${formatDuration(usualMs)}`].filter(Boolean),
        size: queue.counts.pending,
        step: { kind: "show", label: "Show queue", filter: { queue: queue.name, status: "pending" } },
      },
    ];
  });
}

/** Ever more tasks wait. */
export function growthNeed(pending: number, pace: Pace | null): Need[] {
  if (pace?.growth == null || pending === 0) return [];
  const { minutes, tasks } = pace.growth;
  return [
    {
      id: "growth",
      tone: "amber",
      sign: "wait",
      what: `More tasks come than are done, for ${minutes} min`,
      details: [`${formatCount(tasks)} more than then`, plural(pending, "task waits", "tasks wait")],
      size: pending,
      step: { kind: "show", label: "Show pending", filter: { status: "pending" } },
    },
  ];
}


import { formatCount, plural } from "../lib/format";
import { formatClock, formatSpan } from "../lib/time";
import type { ErrorGroup } from "./dead-letters";
import type { Overview, Worker } from "./overview";
import type { Schedule } from "./schedules";
import type { Pace } from "./stats";
import type { TaskFilter } from "./tasks";

/**
 * Is all well, and if not, what needs the operator? One pure rule. Texts mark names with `backticks`.
 * Red needs come before amber ones, then the larger before the smaller.
 */

type Step =
  | { readonly kind: "show"; readonly label: string; readonly filter: TaskFilter }
  | { readonly kind: "group"; readonly label: string; readonly fingerprint: string; readonly queue: string | null }
  | { readonly kind: "resume"; readonly label: string; readonly queue: string }
  | { readonly kind: "go"; readonly label: string; readonly to: "/settings" | "/schedules" | "/workers" }
  | { readonly kind: "advice"; readonly label: string; readonly lines: readonly string[] };

export interface Need {
  readonly id: string;
  readonly tone: "red" | "amber";
  readonly sign: "dead" | "paused" | "worker" | "wait" | "cost" | "schedule";
  readonly what: string;
  readonly details: readonly string[];
  /** Tasks concerned. */
  readonly size: number;
  readonly step: Step;
}

export interface Health {
  readonly tone: "green" | "amber" | "red";
  readonly title: string;
  readonly facts: readonly string[];
  readonly rest: string;
  readonly needs: readonly Need[];
}

export interface HealthInput {
  readonly overview: Overview;
  /** The server's time of what is known: a lease that held then is not lost because the page is older. */
  readonly now: number;
  /** Error groups, the latest death first. */
  readonly groups: readonly ErrorGroup[];
  readonly schedules: readonly Schedule[];
  readonly cost: CostState | null;
  /** Null where the server does not count. */
  readonly pace: Pace | null;
}

/** Calls of the month against the budget that was set. */
export interface CostState {
  readonly budget: number | null;
  readonly spent: number;
  readonly forecast: number;
}

const RECENT_DEATH_MS = 15 * 60_000;
const SCHEDULE_LATE_MS = 2 * 60_000;

const START_A_WORKER = [
  "Is the machine or container up that runs the worker?",
  "Does its log say that it reached Redis? REDIS_URL must name the same database as here.",
  "Start one with: python -m worker_host. Tasks wait safely until one starts.",
];

export function isHealthy(worker: Worker, now: number): boolean {
  return worker.expiresAt.getTime() > now;
}

/** Whether a worker takes tasks of a queue; one that names no queue, or *, takes all. */
export function serves(worker: Worker, queue: string): boolean {
  return worker.queues.length === 0 || worker.queues.includes("*") || worker.queues.includes(queue);
}

export function workerNeeds({ workers, counts, queues }: Overview, now: number): Need[] {
  const healthy = workers.filter((worker) => isHealthy(worker, now));
  const lost = workers.filter((worker) => !isHealthy(worker, now));
  const needs: Need[] = lost.map((worker) => ({
    id: `lost ${worker.name}`,
    tone: "red",
    sign: "worker",
    what: `Worker \`${worker.name}\` stopped answering`,
    details: [`its lease ended ${formatSpan(now - worker.expiresAt.getTime())} ago`, `host ${worker.host}`],
    size: 0,
    step: {
      kind: "advice",
      label: "What to check",
      lines: [`Is ${worker.host} up, and can it reach Redis?`, "Its running tasks return to their queues when their lease ends."],
    },
  }));
  if (healthy.length === 0 && counts.pending > 0) {
    needs.push({
      id: "no worker",
      tone: "red",
      sign: "worker",
      what: "No worker is running",
      details: [`${plural(counts.pending, "task")} wait safely until one starts`],
      size: counts.pending,
      step: { kind: "advice", label: "What to check", lines: START_A_WORKER },
    });
    return needs;
  }
  for (const queue of queues) {
    if (queue.paused || queue.counts.pending === 0 || healthy.some((worker) => serves(worker, queue.name))) continue;
    needs.push({
      id: `unserved ${queue.name}`,
      tone: "red",
      sign: "worker",
      what: `No worker serves queue \`${queue.name}\``,
      details: [plural(queue.counts.pending, "task waits", "tasks wait")],
      size: queue.counts.pending,
      step: { kind: "show", label: "Show queue", filter: { queue: queue.name, status: "pending" } },
    });
  }
  return needs;
}

export function deathNeeds({ now, groups, overview }: HealthInput): Need[] {
  const open = new Set(overview.queues.filter(({ paused }) => paused === null).map(({ name }) => name));
  return groups
    .filter((group) => now - group.lastAt.getTime() <= RECENT_DEATH_MS)
    .map(({ fingerprint, count, lastAt, task }) => ({
      id: `died ${fingerprint}`,
      tone: "red",
      sign: "dead",
      what: `${plural(count, "task")} of \`${task.type}\` died${task.error === null ? "" : `: ${task.error.type}`}`,
      details: [`${count === 1 ? "at" : "last at"} ${formatClock(lastAt)}`],
      size: count,
      step: { kind: "group", label: "Review the group", fingerprint, queue: open.has(task.queue) ? task.queue : null },
    }));
}

/** Its last two runs that have ended both died. */
function keepsDying({ runs }: Schedule): boolean {
  const ended = runs.filter(({ status }) => status === "completed" || status === "dead").slice(0, 2);
  return ended.length === 2 && ended.every(({ status }) => status === "dead");
}

export function scheduleNeeds({ now, schedules }: HealthInput): Need[] {
  const on = schedules.filter((schedule) => schedule.paused === null);
  const late = on.filter((schedule) => now - schedule.nextAt.getTime() > SCHEDULE_LATE_MS);
  return [
    ...on.filter((schedule) => !late.includes(schedule) && keepsDying(schedule)).map((schedule): Need => ({
      id: `dying ${schedule.id}`,
      tone: "amber",
      sign: "schedule",
      what: `The last 2 runs of schedule \`${schedule.id}\` died`,
      details: [`next at ${formatClock(schedule.nextAt)}`],
      size: 2,
      step: { kind: "go", label: "Show schedule", to: "/schedules" },
    })),
    ...late.map((schedule): Need => ({
      id: `late ${schedule.id}`,
      tone: "amber",
      sign: "schedule",
      what: `Schedule \`${schedule.id}\` missed its time`,
      details: [`due at ${formatClock(schedule.nextAt)}`, "no worker and no tick has fired it"],
      size: 1,
      step: { kind: "go", label: "Show schedule", to: "/schedules" },
    })),
  ];
}

export function costNeed({ cost }: HealthInput): Need[] {
  if (cost?.budget == null || cost.forecast <= cost.budget) return [];
  return [
    {
      id: "cost",
      tone: "amber",
      sign: "cost",
      what: "Commands are on pace to pass the month’s budget",
      details: [`${formatCount(cost.spent)} of ${formatCount(cost.budget)} so far`, `on pace for ${formatCount(cost.forecast)}`],
      size: 0,
      step: { kind: "go", label: "Details", to: "/settings" },
    },
  ];
}

import { formatCount, plural } from "../lib/format";
import { formatClock, formatDuration, formatSpan } from "../lib/time";
import type { Overview, Queue, Worker } from "./overview";
import type { Task, TaskFilter } from "./tasks";

/**
 * Is all well, and if not, what needs the operator? One pure rule. Texts mark names with `backticks`.
 * Red needs come before amber ones, then the larger before the smaller.
 */

type Step =
  | { readonly kind: "show"; readonly label: string; readonly filter: TaskFilter }
  | { readonly kind: "advice"; readonly label: string; readonly lines: readonly string[] };

export interface Need {
  readonly id: string;
  readonly tone: "red" | "amber";
  readonly sign: "dead" | "paused" | "worker" | "wait";
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
  /** The server's time. */
  readonly now: number;
  /** The newest dead tasks, newest first; `more` when the server keeps further ones. */
  readonly dead: { readonly tasks: readonly Task[]; readonly more: boolean };
}

const RECENT_DEATH_MS = 15 * 60_000;
const LONG_WAIT_MS = 60_000;

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

function workerNeeds({ workers, counts, queues }: Overview, now: number): Need[] {
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

function deathNeeds({ now, dead }: HealthInput): Need[] {
  const since = now - RECENT_DEATH_MS;
  const recent = dead.tasks.filter((task) => (task.finishedAt?.getTime() ?? 0) >= since);
  const atLeast = dead.more && recent.length === dead.tasks.length;
  const groups = new Map<string, Task[]>();
  for (const task of recent) {
    const key = `${task.type}\n${task.error?.type ?? ""}`;
    groups.set(key, [...(groups.get(key) ?? []), task]);
  }
  return [...groups].map(([key, tasks]) => {
    const [type = "", error = ""] = key.split("\n");
    const first = Math.min(...tasks.map((task) => task.finishedAt?.getTime() ?? since));
    const many = `${plural(tasks.length, "task")} of \`${type}\` died`;
    return {
      id: `died ${key}`,
      tone: "red",
      sign: "dead",
      what: `${atLeast ? "At least " : ""}${many}${error === "" ? "" : `: ${error}`}`,
      details: [tasks.length === 1 ? `at ${formatClock(first)}` : `since ${formatClock(first)}`],
      size: tasks.length,
      step: { kind: "show", label: tasks.length === 1 ? "Show task" : "Show tasks", filter: { status: "dead", type } },
    } satisfies Need;
  });
}

function pausedNeed(queue: Queue): Need | null {
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
    step: { kind: "show", label: "Show queue", filter: { queue: queue.name, status: "pending" } },
  };
}

/** Says that tasks wait long only where no pause and no missing worker says why. */
function waitNeed(oldestMs: number | null, { counts }: Overview, explained: boolean): Need[] {
  if (explained || oldestMs === null || oldestMs <= LONG_WAIT_MS) return [];
  return [
    {
      id: "wait",
      tone: "amber",
      sign: "wait",
      what: `The oldest task has waited ${formatDuration(oldestMs)}`,
      details: [plural(counts.pending, "task waits", "tasks wait")],
      size: counts.pending,
      step: { kind: "show", label: "Show pending", filter: { status: "pending" } },
    },
  ];
}

function workersSentence({ workers, counts }: Overview, now: number): string {
  const healthy = workers.filter((worker) => isHealthy(worker, now));
  if (healthy.length === 0) return "no worker is running";
  const slots = healthy.reduce((sum, worker) => sum + worker.slots, 0);
  return `${plural(healthy.length, "worker")}, ${formatCount(counts.running)} of ${plural(slots, "slot")} busy`;
}

function capitalise(sentence: string): string {
  return sentence.charAt(0).toUpperCase() + sentence.slice(1);
}

function restSentence({ overview, now }: HealthInput, needs: readonly Need[]): string {
  const has = (sign: Need["sign"]) => needs.some((need) => need.sign === sign);
  const noDeaths = "nothing died in the last 15 min";
  if (needs.length === 0) {
    const idle = overview.workers.length === 0 ? "No worker is running. Tasks wait safely until one starts" : "";
    return `${idle || capitalise(workersSentence(overview, now))}. ${capitalise(noDeaths)}.`;
  }
  const rest: string[] = [];
  if (overview.workers.some((worker) => isHealthy(worker, now))) rest.push(workersSentence(overview, now));
  if (!has("dead")) rest.push(noDeaths);
  if (!has("paused")) rest.push("no queue is held up by a pause");
  return rest.length === 0 ? "" : `The rest is well: ${rest.join("; ")}.`;
}

export function assessHealth(input: HealthInput): Health {
  const { overview, now } = input;
  const oldestMs = overview.oldestPendingSince === null ? null : Math.max(0, now - overview.oldestPendingSince.getTime());
  const workers = workerNeeds(overview, now);
  const paused = overview.queues.map(pausedNeed).filter((need) => need !== null);
  const waits = waitNeed(oldestMs, overview, paused.length > 0 || workers.some((need) => need.size > 0));
  const needs = [...workers, ...deathNeeds(input), ...paused, ...waits].sort(
    (a, b) => Number(a.tone === "amber") - Number(b.tone === "amber") || b.size - a.size,
  );
  const { running } = overview.counts;
  return {
    tone: needs.length === 0 ? "green" : needs.some((need) => need.tone === "red") ? "red" : "amber",
    title: needs.length === 0 ? "All is well" : needs.length === 1 ? "1 thing needs you" : `${needs.length} things need you`,
    facts: [
      `${formatCount(running)} running`,
      oldestMs === null ? "nothing waits" : `oldest waiting ${formatDuration(oldestMs)}`,
    ],
    rest: restSentence(input, needs),
    needs,
  };
}

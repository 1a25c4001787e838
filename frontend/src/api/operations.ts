import { write } from "./client";
import type { Limit } from "./overview";
import { taskPath } from "./tasks";
import type { TaskStatus } from "./wire";

/** What changes something on the server. Bodies with users' JSON travel as text, so that its numbers stay as written. */

export interface Submitted {
  readonly id: string;
  readonly status: TaskStatus;
}

export function cancelTask(id: string): Promise<Submitted> {
  return write("POST", taskPath(id, "/cancel"));
}

/** `payload` is JSON text and replaces the one the task has. */
export function requeueTask(id: string, payload?: string): Promise<Submitted> {
  return write("POST", taskPath(id, "/requeue"), payload === undefined ? undefined : `{"payload":${payload}}`);
}

export function runTaskNow(id: string): Promise<Submitted> {
  return write("POST", taskPath(id, "/run-now"));
}

export function deleteTask(id: string): Promise<null> {
  return write("DELETE", taskPath(id));
}

/** `payload` is JSON text; what is left out stays. */
export function editTask(id: string, { payload, priority }: { payload?: string; priority?: number }): Promise<Submitted> {
  const parts = [payload === undefined ? "" : `"payload":${payload}`, priority === undefined ? "" : `"priority":${priority}`];
  return write("PATCH", taskPath(id), `{${parts.filter(Boolean).join(",")}}`);
}

export interface Submission {
  readonly type: string;
  /** JSON text of an object. */
  readonly payload: string;
  /** Everything else, as the API names it. */
  readonly options: Readonly<Record<string, unknown>>;
}

/** The body of a submission as JSON text. */
export function submissionText({ type, payload, options }: Submission): string {
  const rest = Object.entries(options).filter(([, value]) => value !== undefined && value !== "");
  const parts = rest.map(([name, value]) => `${JSON.stringify(name)}: ${JSON.stringify(value)}`);
  return `{${[`"task_type": ${JSON.stringify(type)}`, ...parts, `"payload": ${payload}`].join(", ")}}`;
}

export function submitTask(submission: Submission): Promise<Submitted> {
  return write("POST", "/tasks", submissionText(submission));
}

export function pauseQueue(name: string, reason: string): Promise<{ pending: number }> {
  return write("POST", `/queues/${encodeURIComponent(name)}/pause`, reason === "" ? undefined : { reason });
}

/** Null lifts a limit. */
export function limitQueue(name: string, limit: Limit | null, perKey: Limit | null): Promise<unknown> {
  return write("PUT", `/queues/${encodeURIComponent(name)}/limits`, {
    ...toWireLimit(limit),
    ...(perKey === null ? {} : { per_key: toWireLimit(perKey) }),
  });
}

function toWireLimit(limit: Limit | null): object {
  const { concurrency = null, rate = null } = limit ?? {};
  return {
    ...(concurrency === null ? {} : { concurrency }),
    ...(rate === null ? {} : { rate: { limit: rate.limit, period_seconds: rate.periodSeconds } }),
  };
}

export function resumeQueue(name: string): Promise<{ pending: number }> {
  return write("POST", `/queues/${encodeURIComponent(name)}/resume`);
}

export function drainWorker(name: string, drain: boolean): Promise<{ running: number }> {
  return write("POST", `/workers/${encodeURIComponent(name)}/drain`, { drain });
}

function schedulePath(id: string, action = ""): string {
  return `/schedules/${encodeURIComponent(id)}${action}`;
}

/** `spec` is JSON text. */
export function saveSchedule(id: string, spec: string): Promise<unknown> {
  return write("PUT", schedulePath(id), spec);
}

export function deleteSchedule(id: string): Promise<null> {
  return write("DELETE", schedulePath(id));
}

export function pauseSchedule(id: string, reason: string): Promise<unknown> {
  return write("POST", schedulePath(id, "/pause"), reason === "" ? undefined : { reason });
}

export function resumeSchedule(id: string): Promise<unknown> {
  return write("POST", schedulePath(id, "/resume"));
}

export function runSchedule(id: string): Promise<{ id: string }> {
  return write("POST", schedulePath(id, "/run"));
}

/** A bulk operation in the background, as it is now. */
export interface Job {
  readonly id: string;
  readonly state: "running" | "done" | "cancelled" | "stopped";
  readonly total: number | null;
  readonly done: number;
  readonly skipped: number;
  readonly missing: number;
  readonly reason: string | null;
}

export interface Pace {
  /** So many go first; the rest when all of them have completed. */
  readonly first?: number;
  readonly per_second?: number;
}

/** Which dead tasks are meant. */
export interface DeadFilter {
  readonly fingerprint?: string | undefined;
  readonly queue?: string | undefined;
  readonly task_type?: string | undefined;
}

function withScope(filter: DeadFilter): object {
  const isEmpty = Object.values(filter).every((value) => value === undefined);
  return isEmpty ? { all: true } : filter;
}

export function requeueDead(filter: DeadFilter, pace: Pace): Promise<Job> {
  return write("POST", "/dead-letters/requeue", { ...withScope(filter), ...pace });
}

export function deleteDead(filter: DeadFilter): Promise<Job> {
  return write("POST", "/dead-letters/delete", withScope(filter));
}

export type WaitingStatus = "pending" | "scheduled" | "retrying";

/** Tasks of one status that wait; what runs goes on. */
export function cancelWaiting(status: WaitingStatus, filter: Omit<DeadFilter, "fingerprint">): Promise<Job> {
  return write("POST", "/tasks/cancel", { ...withScope(filter), statuses: [status] });
}

export function cancelJob(id: string): Promise<Job> {
  return write("POST", `/jobs/${encodeURIComponent(id)}/cancel`);
}

export function purgeQueue(name: string): Promise<Job> {
  return write("POST", `/queues/${encodeURIComponent(name)}/purge`);
}

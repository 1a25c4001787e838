import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import type { Json } from "../lib/json";
import { ExactNumber } from "../lib/json";
import { read, readIfOffered } from "./client";
import type { TaskStatus, WireAttempt, WireError, WireRetry, WireTask, WireTaskPage } from "./wire";

export type { TaskStatus } from "./wire";

interface TaskError {
  readonly type: string;
  readonly message: string;
  readonly traceback: string | null;
}

export interface Attempt {
  readonly number: number;
  readonly worker: string | null;
  readonly startedAt: Date | null;
  readonly endedAt: Date | null;
  readonly outcome: string | null;
  readonly error: TaskError | null;
}

export interface LogLine {
  readonly at: Date | null;
  readonly level: string;
  readonly text: string;
}

export interface Task {
  readonly id: string;
  readonly type: string;
  readonly queue: string;
  readonly priority: number;
  readonly status: TaskStatus;
  readonly attempt: number;
  readonly maxRetries: number;
  readonly payload: Json;
  readonly result: Json;
  readonly metadata: Json;
  readonly error: TaskError | null;
  readonly attempts: readonly Attempt[];
  readonly progress: { readonly fraction: number | null; readonly message: string | null } | null;
  readonly logs: readonly LogLine[];
  readonly worker: string | null;
  readonly createdAt: Date;
  readonly runAt: Date | null;
  readonly startedAt: Date | null;
  readonly finishedAt: Date | null;
  /** Whose limit it counts for. */
  readonly limitKey: string | null;
  /** Who takes turns with others inside its priority. */
  readonly fairKey: string | null;
  readonly uniqueKey: string | null;
  readonly idempotencyKey: string | null;
  /** Name of the schedule that it is a run of. */
  readonly schedule: string | null;
  /** Who cancelled it, when that was before it ran. */
  readonly cancelledBy: string | null;
  /** Of one attempt; null where its type's holds. */
  readonly timeoutMs: number | null;
  /** Its own backoff; null where its type's holds. */
  readonly retry: RetryPolicy | null;
  /** Of the trace that submitted it. */
  readonly traceId: string | null;
  /** Of its error group. */
  readonly fingerprint: string | null;
  /** Names of bodies that a list leaves out because they are large. */
  readonly omitted: readonly string[];
}

export interface RetryPolicy {
  readonly initialMs: number;
  readonly factor: number;
  readonly jitter: "none" | "full" | "equal";
}

export interface TaskPage {
  readonly tasks: readonly Task[];
  readonly nextCursor: string | null;
}

export interface TaskFilter {
  readonly status?: TaskStatus | undefined;
  readonly queue?: string | undefined;
  readonly type?: string | undefined;
  /** Submitted at this time or later, ISO 8601. */
  readonly from?: string | undefined;
  /** Submitted before this time, ISO 8601. */
  readonly until?: string | undefined;
  /** 1 to 10; of pending tasks. */
  readonly priority?: number | undefined;
  /** That holds them; of running tasks. */
  readonly worker?: string | undefined;
  /** Fingerprint of what killed them; of dead tasks. */
  readonly error?: string | undefined;
  /** Whose last ten times they are. */
  readonly schedule?: string | undefined;
  /** Idempotency key or unique key in the queue. */
  readonly key?: string | undefined;
}

export const PAGE_SIZE = 100;

/** A small number, whether it came from JSON.parse or kept its text (1.0). */
function toNumber(value: number | ExactNumber | null | undefined): number {
  return value instanceof ExactNumber ? Number(value.source) : (value ?? 0);
}

function toDate(value: string | null | undefined): Date | null {
  return value === null || value === undefined ? null : new Date(value);
}

function toError(error: WireError | null | undefined): TaskError | null {
  if (!error) return null;
  return { type: error.type, message: error.message, traceback: error.traceback ?? null };
}

function toAttempt(attempt: WireAttempt): Attempt {
  return {
    number: toNumber(attempt.attempt),
    worker: attempt.worker,
    startedAt: toDate(attempt.started_at),
    endedAt: toDate(attempt.ended_at),
    outcome: attempt.outcome,
    error: toError(attempt.error),
  };
}

/** Numbers may have kept their text. */
export function toRetryPolicy({ initial_seconds, factor, jitter }: WireRetry): RetryPolicy {
  return { initialMs: toNumber(initial_seconds) * 1000, factor: toNumber(factor), jitter };
}

function toLogLine({ at, level, message, text }: Record<string, unknown>): LogLine {
  const said = typeof message === "string" ? message : typeof text === "string" ? text : "";
  const isTime = typeof at === "string" || typeof at === "number";
  return { at: isTime ? new Date(at) : null, level: typeof level === "string" ? level : "info", text: said };
}

export function toTask(wire: WireTask): Task {
  const { fraction = null, message = null } = wire.progress ?? {};
  return {
    id: wire.id,
    type: wire.task_type,
    queue: wire.queue,
    priority: toNumber(wire.priority),
    status: wire.status,
    attempt: toNumber(wire.attempt),
    maxRetries: toNumber(wire.max_retries),
    payload: wire.payload ?? null,
    result: wire.result ?? null,
    metadata: wire.metadata ?? null,
    error: toError(wire.error),
    attempts: wire.attempts.map(toAttempt),
    progress: wire.progress ? { fraction: fraction === null ? null : toNumber(fraction), message } : null,
    logs: wire.logs.map(toLogLine),
    worker: wire.worker ?? null,
    createdAt: new Date(wire.created_at),
    runAt: toDate(wire.run_at),
    startedAt: toDate(wire.started_at),
    finishedAt: toDate(wire.finished_at),
    limitKey: wire.limit_key ?? null,
    fairKey: wire.fair_key ?? null,
    uniqueKey: wire.unique_key ?? null,
    idempotencyKey: wire.idempotency_key ?? null,
    schedule: wire.schedule ?? null,
    cancelledBy: wire.cancelled_by ?? null,
    timeoutMs: wire.timeout_seconds == null ? null : toNumber(wire.timeout_seconds) * 1000,
    retry: wire.retry ? toRetryPolicy(wire.retry) : null,
    traceId: wire.traceparent?.split("-")[1] ?? null,
    fingerprint: wire.fingerprint ?? null,
    omitted: wire.omitted,
  };
}

export function toPage(wire: WireTaskPage): TaskPage {
  return { tasks: wire.tasks.map(toTask), nextCursor: wire.next_cursor };
}

export function listPath(filter: TaskFilter, cursor: string | null, limit: number): string {
  const query = new URLSearchParams();
  if (filter.status) query.set("status", filter.status);
  if (filter.queue) query.set("queue", filter.queue);
  if (filter.type) query.set("task_type", filter.type);
  if (filter.from) query.set("created_after", filter.from);
  if (filter.until) query.set("created_before", filter.until);
  if (filter.priority !== undefined) query.set("priority", String(filter.priority));
  if (filter.error) query.set("fingerprint", filter.error);
  for (const name of ["worker", "schedule", "key"] as const) if (filter[name]) query.set(name, filter[name]);
  query.set("limit", String(limit));
  if (cursor !== null) query.set("cursor", cursor);
  return `/tasks?${query.toString()}`;
}

/** The newest tasks that match; moves with every poll. */
export function firstPageOptions(filter: TaskFilter, limit = PAGE_SIZE) {
  return queryOptions({
    queryKey: ["tasks", "first", filter, limit],
    queryFn: ({ signal }) => read(listPath(filter, null, limit), { convert: toPage, signal }),
    meta: { live: true },
  });
}

/** The pages behind the first one, from its cursor on; loaded once each, never polled. */
export function olderPagesOptions(filter: TaskFilter, cursor: string | null) {
  return infiniteQueryOptions({
    queryKey: ["tasks", "older", filter, cursor],
    queryFn: ({ signal, pageParam }) =>
      read(listPath(filter, pageParam, PAGE_SIZE), { convert: toPage, signal }),
    initialPageParam: cursor,
    getNextPageParam: (page: TaskPage) => page.nextCursor,
    enabled: cursor !== null,
    staleTime: Infinity,
  });
}

export function taskPath(id: string, action = ""): string {
  return `/tasks/${encodeURIComponent(id)}${action}`;
}

export function taskOptions(id: string) {
  return queryOptions({
    queryKey: ["task", id],
    queryFn: ({ signal }) => read(taskPath(id), { convert: toTask, signal, exact: true }),
    meta: { live: true },
  });
}

/** The task with its secrets; the server notes who asked. */
export function revealTask(id: string): Promise<Task> {
  return read(taskPath(id, "?reveal=true"), { convert: toTask, exact: true });
}

/** Why the task does not run, in one sentence; null where the server does not say. */
export function explainOptions(id: string) {
  return queryOptions({
    queryKey: ["explain", id],
    queryFn: ({ signal }) =>
      readIfOffered(taskPath(id, "/explain"), { convert: (wire: { sentence: string }) => wire.sentence, signal }),
    meta: { live: true },
  });
}

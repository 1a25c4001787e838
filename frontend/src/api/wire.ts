import type { Json } from "../lib/json";

/** The API's answers as they travel; numbers of milliseconds since 1970 pass for times, too. Fields a list may leave out are optional. */

export type TaskStatus =
  | "waiting"
  | "scheduled"
  | "pending"
  | "running"
  | "completed"
  | "retrying"
  | "dead"
  | "cancelled";

export interface WireError {
  type: string;
  message: string;
  traceback?: string | null;
}

export interface WireAttempt {
  attempt: number;
  worker?: string | null;
  started_at?: string | null;
  ended_at?: string | null;
  outcome?: string | null;
  error?: WireError | null;
}

export interface WireTask {
  id: string;
  task_type: string;
  queue: string;
  priority: number;
  status: TaskStatus;
  attempt: number;
  max_retries: number;
  payload?: Json;
  result?: Json;
  error?: WireError | null;
  attempts?: WireAttempt[] | null;
  progress?: { fraction?: number | null; message?: string | null } | null;
  worker?: string | null;
  created_at: string;
  run_at?: string | null;
  started_at?: string | null;
  finished_at?: string | null;
}

export interface WireTaskPage {
  tasks: WireTask[];
  next_cursor: string | null;
}

export type WireCounts = Partial<Record<TaskStatus, number>>;

export interface WireQueue extends WireCounts {
  name: string;
  paused?: null | false | { at?: string | number | null; by?: string | null; reason?: string | null };
}

export interface WireWorker {
  name: string;
  host: string;
  version: string;
  queues: string[];
  types: string[];
  slots: number;
  started_at: string;
  expires_at: string;
}

export interface WireOverview {
  environment?: string | null;
  now: string;
  counts: WireCounts;
  queues: WireQueue[];
  workers: WireWorker[];
  oldest_pending_seconds: number | null;
  role?: string | null;
}

import type { Json } from "../lib/json";
import type { components } from "./schema.gen";

/** The API's answers as they travel, from the generated schema; only bodies of users' own JSON are named more closely. */

type Schemas = components["schemas"];

export type TaskStatus = Schemas["TaskStatus"];
export type WireError = Schemas["TaskError"];
export type WireRetry = Schemas["RetryPolicy"];
export type WireAttempt = Schemas["Attempt"];
export type WireTask = Omit<Schemas["Task"], "payload" | "result" | "metadata" | "progress"> & {
  payload?: Json;
  result?: Json;
  metadata?: Json;
  progress?: { fraction?: number | null; message?: string | null } | null;
};
export interface WireTaskPage {
  tasks: WireTask[];
  next_cursor: string | null;
}
export type WireCounts = Partial<Record<TaskStatus, number>>;
export type WireQueue = Schemas["QueueInfo"];
export type WireWorker = Schemas["WorkerInfo"];
export type WireOverview = Schemas["OverviewOut"];
export type WireGroup = Omit<Schemas["ErrorGroup"], "task"> & { task: WireTask };
export type WireSchedule = Omit<Schemas["Schedule"], "spec"> & { spec: WireScheduleSpec };
/** Written out: the schema's rules of which fields exclude each other make a type that nothing fits. */
export interface WireScheduleSpec {
  cron?: string | null;
  interval_seconds?: number | null;
  zone?: string;
  task: { task_type: string; payload: Record<string, unknown> };
  catch_up?: Schemas["CatchUp"];
  overlap?: Schemas["Overlap"];
}
export type WireTaskType = Schemas["PublishedType"];

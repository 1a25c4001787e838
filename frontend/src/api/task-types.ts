import { queryOptions } from "@tanstack/react-query";
import type { Schema } from "../lib/schema-fields";
import { read } from "./client";
import type { RetryPolicy } from "./tasks";
import { toRetryPolicy } from "./tasks";
import type { WireTaskType } from "./wire";

export interface TaskType {
  readonly name: string;
  readonly schema: Schema;
  readonly version: string;
  readonly queue: string;
  readonly maxRetries: number;
  readonly timeoutSeconds: number;
  /** Null where the product's own holds. */
  readonly retry: RetryPolicy | null;
  readonly description: string;
  /** A worker that is alive knows it. */
  readonly isLive: boolean;
}

function toTaskType(wire: WireTaskType): TaskType {
  return {
    name: wire.name,
    schema: wire.schema,
    version: wire.version,
    queue: wire.queue,
    maxRetries: wire.max_retries,
    timeoutSeconds: wire.timeout_seconds,
    retry: wire.retry ? toRetryPolicy(wire.retry) : null,
    description: wire.description,
    isLive: wire.live,
  };
}

export function taskTypesOptions() {
  return queryOptions({
    queryKey: ["task-types"],
    queryFn: ({ signal }) =>
      read("/task-types", { convert: (wire: { task_types: WireTaskType[] }) => wire.task_types.map(toTaskType), signal }),
    meta: { live: true, everySeconds: 60 },
  });
}

import type { TaskFilter, TaskStatus } from "../../api/tasks";
import { plural } from "../../lib/format";

/** What the server knows of tasks of one status alone. */
const ONLY_OF = { priority: "pending", worker: "running", error: "dead" } as const satisfies Partial<Record<keyof TaskFilter, TaskStatus>>;
type OnlyOf = keyof typeof ONLY_OF;

/** Without the fields that hold nothing: the filter is compared as a whole. */
function compact(filter: TaskFilter): TaskFilter {
  return Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined));
}

function asksFor(filter: TaskFilter): readonly string[] {
  return Object.keys(compact(filter));
}

/** The filter without what the server cannot answer together with the rest. */
export function fitting(filter: TaskFilter): TaskFilter {
  const key = filter.queue === undefined ? undefined : filter.key;
  const fits = (name: OnlyOf) => filter.status === ONLY_OF[name];
  return compact({
    ...filter,
    key,
    schedule: key === undefined ? filter.schedule : undefined,
    priority: fits("priority") ? filter.priority : undefined,
    worker: fits("worker") ? filter.worker : undefined,
    error: fits("error") ? filter.error : undefined,
  });
}

/** The filter with another status; what does not fit it goes. */
export function withStatus(filter: TaskFilter, status: TaskStatus | undefined): TaskFilter {
  return fitting({ ...filter, status });
}

/** The filter with a value that is known of tasks of one status alone: that status comes with it. */
export function withOnlyOf<Name extends OnlyOf>(filter: TaskFilter, name: Name, value: TaskFilter[Name]): TaskFilter {
  return fitting({ ...filter, [name]: value, status: value === undefined ? filter.status : ONLY_OF[name] });
}

/** Whether it asks for status and queue alone, whose tasks are counted. */
export function isCounted(filter: TaskFilter): boolean {
  return asksFor(filter).every((name) => name === "status" || name === "queue");
}

/** The fingerprint whose group is all that the filter asks for; undefined otherwise. */
export function wholeGroup(filter: TaskFilter): string | undefined {
  return asksFor(filter).every((name) => name === "status" || name === "error") ? filter.error : undefined;
}

/** How many tasks there are, where that is known, and in which order the server lists them. */
export function summaryOf(filter: TaskFilter, count: number | null): string {
  return [count === null ? "" : plural(count, "task"), orderOf(filter)].filter(Boolean).join(", ");
}

/** In which order the server lists. */
export function orderOf({ status, error, schedule, key }: TaskFilter): string {
  if (schedule !== undefined) return "its last 10 times, newest first";
  if (key !== undefined) return "";
  if (error !== undefined) return "by id, newest first";
  switch (status) {
    case undefined:
      return "running, then pending, then due, then ended";
    case "pending":
      return "in order of service";
    case "scheduled":
    case "retrying":
      return "next due first";
    case "completed":
    case "dead":
    case "cancelled":
      return "newest first";
    case "running":
    case "waiting":
      return "";
  }
}

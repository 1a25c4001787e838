import type { TaskFilter } from "../../api/tasks";
import { isTaskStatus } from "../../components/status";
import { fitting } from "./filters";

function name(value: unknown): string | undefined {
  if (typeof value === "number") return String(value); // the router reads ?queue=1 as a number
  return typeof value === "string" && value !== "" && value.length <= 255 ? value : undefined;
}

function instant(value: unknown): string | undefined {
  const at = typeof value === "string" ? new Date(value) : undefined;
  return at === undefined || Number.isNaN(at.getTime()) ? undefined : at.toISOString();
}

/** The list's filter as the URL holds it. What it does not know is dropped. */
export function readTaskSearch(search: Record<string, unknown>): TaskFilter {
  const filter: { -readonly [Key in keyof TaskFilter]: TaskFilter[Key] } = {};
  if (isTaskStatus(search.status)) filter.status = search.status;
  const queue = name(search.queue);
  if (queue !== undefined) filter.queue = queue;
  const type = name(search.type);
  if (type !== undefined) filter.type = type;
  const from = instant(search.from);
  if (from !== undefined) filter.from = from;
  const until = instant(search.until);
  if (until !== undefined) filter.until = until;
  const priority = Number(search.priority ?? 0);
  if (Number.isInteger(priority) && priority >= 1 && priority <= 10) filter.priority = priority;
  for (const field of ["worker", "error", "schedule", "key"] as const) {
    const value = name(search[field]);
    if (value !== undefined) filter[field] = value;
  }
  return fitting(filter);
}

import type { Task } from "../../api/tasks";
import { plural } from "../../lib/format";
import { ranMs, waitedMs } from "../../lib/task-times";
import { formatClock, formatDuration, formatRelative } from "../../lib/time";

function when(at: Date | null, now: number): string {
  return at === null ? "" : `, ${formatClock(at)} (${formatRelative(at, now)})`;
}

/** What happened and what comes next, in one sentence that follows the type and the status. */
export function taskSentence(task: Task, now: number): string {
  const attempts = `attempt ${task.attempt} of ${task.maxRetries + 1}`;
  const ran = ranMs(task, now);
  switch (task.status) {
    case "waiting":
      return "starts when the tasks it waits for are done";
    case "scheduled":
      return task.runAt === null ? "starts later" : `starts ${formatRelative(task.runAt, now)}, at ${formatClock(task.runAt)}`;
    case "pending":
      return `waits in queue ${task.queue} for ${formatDuration(waitedMs(task, now) ?? 0)}`;
    case "running":
      return `${attempts}${task.worker === null ? "" : ` on ${task.worker}`}, for ${formatDuration(ran ?? 0)}`;
    case "retrying":
      return `attempt ${task.attempt} failed; the next starts ${task.runAt === null ? "soon" : formatRelative(task.runAt, now)}`;
    case "completed":
      return `done on ${attempts}${ran === null ? "" : ` in ${formatDuration(ran)}`}${when(task.finishedAt, now)}`;
    case "dead":
      return `gave up after ${plural(task.attempt, "attempt")}${when(task.finishedAt, now)}`;
    case "cancelled":
      return `was cancelled${task.cancelledBy === null ? "" : ` by ${task.cancelledBy}`}${when(task.finishedAt, now)}`;
  }
}

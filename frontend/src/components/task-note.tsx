import type { Task } from "../api/tasks";
import { formatComing, formatRelative } from "../lib/time";

export interface Note {
  readonly text: string;
  /** 0 to 1, where the note is a progress. */
  readonly fraction: number | null;
}

/** The one thing worth saying of a task in a row: its error, when it comes next, how far it is. */
export function noteOf(task: Task, queuePaused: boolean, now: number): Note | null {
  const say = (text: string | null | undefined): Note | null => (text ? { text, fraction: null } : null);
  switch (task.status) {
    case "running": {
      const fraction = progressOf(task);
      return fraction === null ? say(task.progress?.message) : { text: `${Math.round(fraction * 100)} %`, fraction };
    }
    case "retrying":
      return say(task.runAt && `next ${formatRelative(task.runAt, now)}`);
    case "scheduled":
      return say(task.runAt && `runs ${formatComing(task.runAt, now)}, ${formatRelative(task.runAt, now)}`);
    case "pending":
      return say(queuePaused ? "queue paused" : null);
    case "waiting":
      return say("on other tasks");
    case "dead":
      return say(task.error?.type);
    case "cancelled":
      return say(task.cancelledBy && `by ${task.cancelledBy}`);
    case "completed":
      return null;
  }
}

/** 0 to 1; null where the task does not tell. */
export function progressOf(task: Task): number | null {
  const fraction = task.status === "running" ? (task.progress?.fraction ?? null) : null;
  return fraction === null ? null : Math.min(1, Math.max(0, fraction));
}

/** Beside the percentage, which says it. */
export function ProgressBar({ fraction }: { fraction: number }) {
  return (
    <svg aria-hidden width="60" height="6" viewBox="0 0 60 6" className="mr-2 inline-block align-[1px]">
      <rect width="60" height="6" rx="3" className="fill-surface-3" />
      <rect width={60 * fraction} height="6" rx="3" className="fill-blue-mark" />
    </svg>
  );
}

import type { Task } from "../api/tasks";
import { useNowText } from "../hooks/use-now";
import { formatRelative } from "../lib/time";

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
      const fraction = task.progress?.fraction ?? null;
      if (fraction === null) return say(task.progress?.message);
      const bounded = Math.min(1, Math.max(0, fraction));
      return { text: `${Math.round(bounded * 100)} %`, fraction: bounded };
    }
    case "retrying":
      return say(task.runAt && `next ${formatRelative(task.runAt, now)}`);
    case "scheduled":
      return say(task.runAt && `runs ${formatRelative(task.runAt, now)}`);
    case "pending":
      return say(queuePaused ? "queue paused" : null);
    case "waiting":
      return say("on other tasks");
    case "dead":
      return say(task.error?.type);
    case "completed":
    case "cancelled":
      return null;
  }
}

/** Drawn again only when its words change. */
export function TaskNote({ task, queuePaused }: { task: Task; queuePaused: boolean }) {
  const text = useNowText((now) => noteOf(task, queuePaused, now)?.text ?? "");
  const fraction = task.status === "running" ? (task.progress?.fraction ?? null) : null;
  if (fraction === null) return <>{text}</>;
  return (
    <span className="inline-flex items-center gap-2">
      <svg aria-hidden width="60" height="6" viewBox="0 0 60 6" className="shrink-0">
        <rect width="60" height="6" rx="3" className="fill-surface-3" />
        <rect width={60 * Math.min(1, Math.max(0, fraction))} height="6" rx="3" className="fill-blue-mark" />
      </svg>
      {text}
    </span>
  );
}

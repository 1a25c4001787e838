import type { LucideIcon } from "lucide-react";
import { Ban, CircleCheck, CircleX, Clock, Loader, OctagonX, RotateCw, Send } from "lucide-react";
import type { Task } from "../../api/tasks";
import type { Tone } from "../../components/status";
import { formatDuration } from "../../lib/time";

export interface TaskEvent {
  readonly icon: LucideIcon;
  readonly tone: Tone;
  /** `backticks` mark names of the user's. */
  readonly text: string;
  readonly at: Date;
}

/** What happened, newest first, as the record tells it. */
export function taskEvents(task: Task): readonly TaskEvent[] {
  const events: TaskEvent[] = [{ icon: Send, tone: "neutral", text: "Submitted", at: task.createdAt }];
  if (task.status === "scheduled" && task.runAt) events.push({ icon: Clock, tone: "violet", text: `Scheduled, due in ${formatDuration(task.runAt.getTime() - task.createdAt.getTime())}`, at: task.createdAt });
  task.attempts.forEach((attempt, index) => {
    const next = task.attempts[index + 1];
    if (attempt.outcome === "requeued") {
      if (attempt.endedAt ?? attempt.startedAt) events.push({ icon: RotateCw, tone: "neutral", text: `Requeued${attempt.worker ? ` by \`${attempt.worker}\`` : ""}`, at: attempt.endedAt ?? attempt.startedAt ?? task.createdAt });
      return;
    }
    if (attempt.startedAt) events.push({ icon: Loader, tone: "blue", text: `Attempt ${attempt.number} started${attempt.worker ? ` on \`${attempt.worker}\`` : ""}`, at: attempt.startedAt });
    if (!attempt.endedAt) return;
    const failed = attempt.outcome !== "completed" && attempt.outcome !== "cancelled";
    if (failed) events.push({ icon: CircleX, tone: "red", text: `Attempt ${attempt.number} ${attempt.outcome ?? "ended"}`, at: attempt.endedAt });
    const due = next?.startedAt ?? (task.status === "retrying" ? task.runAt : null);
    if (failed && due) events.push({ icon: RotateCw, tone: "amber", text: `Retry in ${formatDuration(due.getTime() - attempt.endedAt.getTime())}`, at: attempt.endedAt });
  });
  if (task.finishedAt) {
    const look = { completed: { icon: CircleCheck, tone: "green" }, dead: { icon: OctagonX, tone: "red" }, cancelled: { icon: Ban, tone: "neutral" } } as const;
    const ended = task.status === "completed" || task.status === "dead" || task.status === "cancelled" ? task.status : null;
    const text = { completed: "Completed", dead: task.attempt > task.maxRetries ? "Dead, retries used up" : "Dead", cancelled: `Cancelled${task.cancelledBy === null ? "" : ` by \`${task.cancelledBy}\``}` };
    if (ended !== null) events.push({ ...look[ended], text: text[ended], at: task.finishedAt });
  }
  return events.map((event, index) => ({ event, index })).sort((a, b) => b.event.at.getTime() - a.event.at.getTime() || b.index - a.index).map(({ event }) => event);
}

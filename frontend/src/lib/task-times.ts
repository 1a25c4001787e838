/** The spans and instants a table shows of a task. Pure. */

interface Timed {
  readonly status: string;
  readonly createdAt: Date;
  readonly runAt: Date | null;
  readonly startedAt: Date | null;
  readonly finishedAt: Date | null;
  readonly attempts: readonly { readonly number: number; readonly startedAt: Date | null; readonly endedAt: Date | null }[];
}

/** How long it stood in the queue before it started, or has stood until now; null while it may not start. */
export function waitedMs(task: Timed, now: number): number | null {
  const due = Math.max(task.createdAt.getTime(), task.runAt?.getTime() ?? 0);
  if (task.status === "pending") return Math.max(0, now - due);
  const oldest = task.attempts[0];
  const first = (oldest?.number === 1 ? oldest.startedAt : null) ?? task.startedAt;
  if (first === null) return null;
  const from = due <= first.getTime() ? due : task.createdAt.getTime(); // a retry moved run_at behind the first start
  return Math.max(0, first.getTime() - from);
}

/** How long its last attempt ran, or has run until now. */
export function ranMs(task: Timed, now: number): number | null {
  const last = task.attempts.at(-1);
  const start = (task.status === "running" ? task.startedAt : null) ?? last?.startedAt ?? task.startedAt;
  if (start === null) return null;
  if (task.status === "running") return Math.max(0, now - start.getTime());
  const end = last?.endedAt ?? task.finishedAt;
  return end === null ? null : Math.max(0, end.getTime() - start.getTime());
}

/** When its status last changed. */
export function changedAt(task: Timed): Date {
  const last = task.attempts.at(-1);
  return task.finishedAt ?? (task.status === "running" ? task.startedAt : null) ?? last?.endedAt ?? task.startedAt ?? task.createdAt;
}

/** A share below this says too little of the rest. */
const LEAST_SHARE = 0.05;

/** How long a run takes still when it goes on as it went; null where that cannot be said yet. */
export function leftMs(fraction: number | null, ran: number): number | null {
  return fraction === null || fraction < LEAST_SHARE || fraction >= 1 ? null : (ran / fraction) * (1 - fraction);
}

import type { Task } from "../../api/tasks";

const HOUR = 3_600_000;
const HOURS = 24;

export interface GroupHistory {
  /** Deaths in each of the last 24 hours, the current one last. */
  readonly hours: readonly number[];
  /** The first of them that is known. */
  readonly firstAt: Date;
  /** The group has deaths before that one which were not looked at. */
  readonly hasEarlier: boolean;
}

/** What "last 24 h" and "first seen" rest on, where the newest are not all dead tasks; null where they are. Pure. */
export function coverage(newest: readonly Task[], dead: number): { readonly looked: number; readonly backTo: Date } | null {
  const ends = newest.flatMap((task) => (task.finishedAt === null ? [] : [task.finishedAt.getTime()]));
  return ends.length === 0 || newest.length >= dead ? null : { looked: newest.length, backTo: new Date(Math.min(...ends)) };
}

/** What the newest dead tasks tell of a group that has `count` of them; null when none of them belongs to it. Pure. */
export function historyOf(tasks: readonly Task[], fingerprint: string, count: number, now: number): GroupHistory | null {
  const deaths = tasks.filter((task) => task.fingerprint === fingerprint).map((task) => task.finishedAt?.getTime() ?? task.createdAt.getTime());
  if (deaths.length === 0) return null;
  const hours = Array.from({ length: HOURS }, () => 0);
  for (const at of deaths) {
    const hour = HOURS - 1 - Math.floor((now - at) / HOUR);
    if (hour >= 0 && hour < HOURS) hours[hour] = (hours[hour] ?? 0) + 1;
  }
  return { hours, firstAt: new Date(Math.min(...deaths)), hasEarlier: deaths.length < count };
}

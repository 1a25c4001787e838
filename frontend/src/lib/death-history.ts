interface Dead {
  readonly fingerprint: string | null;
  readonly createdAt: Date;
  readonly finishedAt: Date | null;
}

export interface GroupHistory {
  /** Deaths in each step, the current one last; null before the oldest death that was looked at, where more may lie. */
  readonly steps: readonly (number | null)[];
  /** The first of them that is known. */
  readonly firstAt: Date;
  /** The group has deaths before that one which were not looked at. */
  readonly hasEarlier: boolean;
}

interface Window {
  readonly steps: number;
  readonly stepMs: number;
}

export const LAST_DAY: Window = { steps: 24, stepMs: 3_600_000 };
export const LAST_HOUR: Window = { steps: 30, stepMs: 120_000 };

/** What the newest dead tasks, of `total` in all, tell of a group that has `count` of them; null when none belongs to it. Pure. */
export function historyOf(tasks: readonly Dead[], total: number, { fingerprint, count }: { fingerprint: string; count: number }, now: number, window: Window): GroupHistory | null {
  const all = tasks.map((task) => ({ fingerprint: task.fingerprint, at: (task.finishedAt ?? task.createdAt).getTime() }));
  const deaths = all.filter((death) => death.fingerprint === fingerprint).map(({ at }) => at);
  if (deaths.length === 0) return null;
  const stepOf = (at: number) => window.steps - 1 - Math.floor(Math.max(0, now - at) / window.stepMs);
  const firstKnown = tasks.length < total ? stepOf(Math.min(...all.map(({ at }) => at))) : 0;
  const steps = Array.from({ length: window.steps }, (_, step): number | null => (step < firstKnown ? null : 0));
  for (const at of deaths) {
    const step = stepOf(at);
    if (step >= 0) steps[step] = (steps[step] ?? 0) + 1;
  }
  return { steps, firstAt: new Date(Math.min(...deaths)), hasEarlier: deaths.length < count };
}

/** What bars and first deaths rest on, where the newest are not all dead tasks; null where they are. Pure. */
export function coverage(newest: readonly Dead[], dead: number): { readonly looked: number; readonly backTo: Date } | null {
  const ends = newest.flatMap((task) => (task.finishedAt === null ? [] : [task.finishedAt.getTime()]));
  return ends.length === 0 || newest.length >= dead ? null : { looked: newest.length, backTo: new Date(Math.min(...ends)) };
}

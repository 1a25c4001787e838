import type { Task, TaskPage } from "../../api/tasks";

export interface ListRows {
  readonly rows: readonly Task[];
  /** Tasks of the newest first page that the held list does not show. */
  readonly newer: number;
}

/**
 * What the list shows. While it is held (scrolled, or older pages loaded) rows keep their places: known tasks are
 * renewed where they stand, and new ones are counted instead of pushed in.
 */
export function listRows(first: TaskPage | undefined, held: TaskPage | null, older: readonly TaskPage[]): ListRows {
  const newest = first?.tasks ?? [];
  if (held === null) return { rows: newest, newer: 0 };
  const fresh = new Map(newest.map((task) => [task.id, task]));
  const rows = new Map<string, Task>();
  for (const task of [...held.tasks, ...older.flatMap((page) => page.tasks)])
    if (!rows.has(task.id)) rows.set(task.id, fresh.get(task.id) ?? task);
  return { rows: [...rows.values()], newer: newest.filter((task) => !rows.has(task.id)).length };
}

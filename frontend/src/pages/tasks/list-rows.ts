import type { Task, TaskPage } from "../../api/tasks";

export interface ListRows {
  readonly rows: readonly Task[];
  /** Tasks of the newest first page that the held list does not show. */
  readonly newer: number;
}

export interface HeldRows {
  readonly rows: readonly Task[];
  /** Where each stands. */
  readonly places: ReadonlyMap<string, number>;
}

/** The rows that keep their places: the page that is held, then the older ones; none twice. */
export function heldRows(held: TaskPage, older: readonly TaskPage[]): HeldRows {
  const rows: Task[] = [];
  const places = new Map<string, number>();
  for (const task of [...held.tasks, ...older.flatMap((page) => page.tasks)]) {
    if (places.has(task.id)) continue;
    places.set(task.id, rows.length);
    rows.push(task);
  }
  return { rows, places };
}

/**
 * What the list shows. While it is held (scrolled, or older pages loaded) rows keep their places: known tasks are
 * renewed where they stand, and new ones are counted instead of pushed in.
 */
export function listRows(first: TaskPage | undefined, held: HeldRows | null): ListRows {
  const newest = first?.tasks ?? [];
  if (held === null) return { rows: newest, newer: 0 };
  const rows = [...held.rows];
  let newer = 0;
  for (const task of newest) {
    const place = held.places.get(task.id);
    if (place === undefined) newer += 1;
    else rows[place] = task;
  }
  return { rows, newer };
}

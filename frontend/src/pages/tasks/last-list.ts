import type { TaskPage } from "../../api/tasks";

/** What was seen of the task list before a task was opened. In memory only. */

let ids: readonly string[] = [];

/** The ids of the list that a task is opened from, in its order: for the previous and next task. */
export function rememberList(list: readonly string[]): void {
  ids = list;
}

export function neighbours(id: string): { readonly previous: string | null; readonly next: string | null } {
  const at = ids.indexOf(id);
  if (at < 0) return { previous: null, next: null };
  return { previous: ids[at - 1] ?? null, next: ids[at + 1] ?? null };
}

export interface ListPlace {
  readonly scrollTop: number;
  /** Of the row that keys act on. */
  readonly cursorId: string | null;
  /** The first page as it was held; null when the list followed the newest. */
  readonly held: TaskPage | null;
}

const MOST_PLACES = 20;
const places = new Map<string, ListPlace>();

/** Where the list stood at an entry of the browser's history, for the way back to it. */
export function rememberPlace(entry: string, place: ListPlace): void {
  places.delete(entry);
  places.set(entry, place);
  const oldest = places.keys().next().value;
  if (places.size > MOST_PLACES && oldest !== undefined) places.delete(oldest);
}

export function placeOf(entry: string): ListPlace | null {
  return places.get(entry) ?? null;
}

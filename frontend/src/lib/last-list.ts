/** The ids of the list that a task was opened from, in its order: for the previous and next task. In memory only. */

let ids: readonly string[] = [];

export function rememberList(list: readonly string[]): void {
  ids = list;
}

export function neighbours(id: string): { readonly previous: string | null; readonly next: string | null } {
  const at = ids.indexOf(id);
  if (at < 0) return { previous: null, next: null };
  return { previous: ids[at - 1] ?? null, next: ids[at + 1] ?? null };
}

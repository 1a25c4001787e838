export interface DeadLettersSearch {
  /** Fingerprint of the group that is open. */
  readonly group?: string | undefined;
  readonly by?: "type" | undefined;
}

export function readDeadLettersSearch(search: Record<string, unknown>): DeadLettersSearch {
  const group = typeof search.group === "number" ? String(search.group) : search.group;
  return {
    ...(typeof group === "string" && /^[\w-]{1,64}$/.test(group) ? { group } : {}),
    ...(search.by === "type" ? { by: "type" as const } : {}),
  };
}

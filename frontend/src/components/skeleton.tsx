/** Grey bars of the size of the rows that replace them. */
export function SkeletonRows({ rows, what }: { rows: number; what: string }) {
  return (
    <div role="status" aria-label={`Loading ${what}`} className="skeleton">
      {Array.from({ length: rows }, (_, row) => (
        <div key={row} aria-hidden className="flex h-(--row) items-center gap-6 border-b border-border px-4 last:border-b-0">
          <span className="h-2.5 w-20 rounded-sm bg-surface-3" />
          <span className={`h-2.5 rounded-sm bg-surface-3 ${row % 3 === 0 ? "w-28" : "w-22"}`} />
          <span className="hidden h-2.5 w-32 rounded-sm bg-surface-3 sm:block" />
          <span className="ml-auto h-2.5 w-16 rounded-sm bg-surface-3" />
        </div>
      ))}
    </div>
  );
}

/** A grey block in place of a card's content. */
export function SkeletonBlock({ what, className }: { what: string; className: string }) {
  return (
    <div role="status" aria-label={`Loading ${what}`} className={`skeleton p-4 ${className}`}>
      <span className="block h-3 w-2/5 rounded-sm bg-surface-3" />
      <span className="mt-3 block h-2.5 w-3/5 rounded-sm bg-surface-2" />
    </div>
  );
}

import { useNow } from "../hooks/use-now";
import { formatExact, formatRelative } from "../lib/time";

/** An instant, relative to now; its title holds the exact local time with the zone. */
export function TimeText({ at, className }: { at: Date | null; className?: string }) {
  const now = useNow();
  if (at === null || Number.isNaN(at.getTime())) return <>–</>;
  return (
    <time dateTime={at.toISOString()} title={formatExact(at)} className={className}>
      {formatRelative(at, now)}
    </time>
  );
}

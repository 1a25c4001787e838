import { useNowText } from "../hooks/use-now";
import { formatExact, formatRelative } from "../lib/time";

/** An instant, relative to now; its title holds the exact local time with the zone. */
export function TimeText({ at, className }: { at: Date | null; className?: string }) {
  const isKnown = at !== null && !Number.isNaN(at.getTime());
  const text = useNowText((now) => (isKnown ? formatRelative(at, now) : "–"));
  if (!isKnown) return <>{text}</>;
  return (
    <time dateTime={at.toISOString()} title={formatExact(at)} className={className}>
      {text}
    </time>
  );
}

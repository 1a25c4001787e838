import { useQuery } from "@tanstack/react-query";
import { TriangleAlert } from "lucide-react";
import { describeProblem } from "../../api/problem";
import type { Timing } from "../../api/schedules";
import { previewOptions } from "../../api/schedules";
import { useNow } from "../../hooks/use-now";
import { clockChange, cronWords, intervalWords } from "../../lib/cron";
import { formatComing, formatExact, formatRelative } from "../../lib/time";

const SHOWN = 5;
/** Far enough to meet the next change of clocks of a daily schedule. */
const LOOKED_AT = 100;

/** The next times of what is being written, and a warning where clocks change. */
export function Preview({ timing }: { timing: Timing }) {
  const now = useNow();
  const isComplete = Boolean(timing.cron) || (timing.interval_seconds ?? 0) > 0;
  const { data: times, error } = useQuery({ ...previewOptions(timing, LOOKED_AT), enabled: isComplete });
  if (!isComplete) return null;
  if (error !== null) return <p role="alert" className="text-red-fg">{describeProblem(error)}</p>;
  if (times === undefined) return <p className="text-text-3">Asking for the next runs</p>;
  const warning = timing.cron ? clockChange(timing.cron, timing.zone ?? "UTC", times) : null;
  return (
    <div className="rounded-md border border-border bg-surface-2 px-3 py-2.5">
      <p className="font-medium">{timing.cron ? cronWords(timing.cron) : intervalWords(timing.interval_seconds ?? 0)}. Next {SHOWN} runs:</p>
      <ol className="mt-1.5">
        {times.slice(0, SHOWN).map((at) => (
          <li key={at.getTime()} className="flex justify-between text-text-2">
            <time dateTime={at.toISOString()} title={formatExact(at)}>{formatComing(at, now)}</time>
            <span>{formatRelative(at, now)}</span>
          </li>
        ))}
      </ol>
      {warning !== null && (
        <p className="mt-2 flex gap-2 text-amber-fg">
          <TriangleAlert size={14} aria-hidden className="mt-0.75 shrink-0" />
          {warning}
        </p>
      )}
    </div>
  );
}

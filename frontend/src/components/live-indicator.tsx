import { Pause, RefreshCw, WifiOff } from "lucide-react";
import { joinClasses } from "../lib/format";
import { formatClock } from "../lib/time";
import type { Tone } from "./status";
import { TONE_PILL } from "./status";

export interface LiveIndicatorProps {
  status: "connecting" | "live" | "polling" | "paused" | "offline";
  paceSeconds: number;
  lastGoodAt: number | null;
  /** Whether changes arrive by a stream. */
  isStream?: boolean;
  /** Changes that came in while updates are held; they make it read "Paused". */
  held?: number;
  onPause: (paused: boolean) => void;
}

const TONE: Readonly<Record<LiveIndicatorProps["status"], Tone>> = {
  connecting: "neutral",
  live: "green",
  polling: "amber",
  paused: "neutral",
  offline: "red",
};

function words(status: LiveIndicatorProps["status"], { held = 0, paceSeconds }: LiveIndicatorProps): string {
  switch (status) {
    case "connecting":
      return "Connecting";
    case "live":
      return "Live";
    case "polling":
      return `Polling every ${paceSeconds} s`;
    case "paused":
      return held > 0 ? `Paused · ${held} new` : "Paused";
    case "offline":
      return "Offline";
  }
}

function how({ status, isStream, paceSeconds }: LiveIndicatorProps): string {
  if (status === "live") return isStream ? "By an open stream. " : `Read every ${paceSeconds} s. `;
  if (status === "polling") return "The stream failed twice; it is tried again later. ";
  return "";
}

/** How fresh the page is, in words. Pressing it pauses and resumes updates. */
export function LiveIndicator(props: LiveIndicatorProps) {
  const { held = 0, onPause } = props;
  const status = held > 0 && props.status !== "offline" ? "paused" : props.status;
  const isPaused = props.status === "paused";
  const tip = `${how(props)}${isPaused ? "Press to resume updates" : "Press to pause updates"}`;
  return (
    <button
      type="button"
      aria-pressed={isPaused}
      data-tip={tip}
      aria-description={tip}
      onClick={() => { onPause(!isPaused); }}
      className={joinClasses(
        "target inline-flex h-7 min-w-0 items-center gap-2 rounded-full px-3 text-12 font-medium whitespace-nowrap",
        TONE_PILL[TONE[status]],
      )}
    >
      {status === "live" && <span aria-hidden className="size-1.5 rounded-full bg-green-mark" />}
      {status === "polling" && <RefreshCw size={13} aria-hidden />}
      {status === "paused" && <Pause size={13} aria-hidden />}
      {status === "offline" && <WifiOff size={13} aria-hidden />}
      <span>
        {words(status, props)}
        {status === "offline" && props.lastGoodAt !== null && <span className="max-sm:sr-only"> · data from {formatClock(props.lastGoodAt)}</span>}
      </span>
    </button>
  );
}

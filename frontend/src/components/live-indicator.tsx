import { Pause, WifiOff } from "lucide-react";
import { formatClock } from "../lib/time";
import { joinClasses } from "../lib/format";
import type { Tone } from "./status";
import { TONE_PILL } from "./status";

export interface LiveIndicatorProps {
  status: "connecting" | "live" | "paused" | "offline";
  paceSeconds: number;
  lastGoodAt: number | null;
  onPause: (paused: boolean) => void;
}

const TONE: Readonly<Record<LiveIndicatorProps["status"], Tone>> = {
  connecting: "neutral",
  live: "green",
  paused: "neutral",
  offline: "red",
};

function words({ status, lastGoodAt }: LiveIndicatorProps): string {
  switch (status) {
    case "connecting":
      return "Connecting";
    case "live":
      return "Live";
    case "paused":
      return "Paused";
    case "offline":
      return lastGoodAt === null ? "Offline" : `Offline · data from ${formatClock(lastGoodAt)}`;
  }
}

/** How fresh the page is, in words. Pressing it pauses and resumes updates. */
export function LiveIndicator(props: LiveIndicatorProps) {
  const { status, paceSeconds, onPause } = props;
  const paused = status === "paused";
  const how = status === "live" ? `Polling every ${paceSeconds} s. ` : "";
  return (
    <button
      type="button"
      aria-pressed={paused}
      title={`${how}${paused ? "Press to resume updates" : "Press to pause updates"}`}
      onClick={() => { onPause(!paused); }}
      className={joinClasses(
        "inline-flex h-7 items-center gap-2 rounded-full px-3 text-12 font-medium whitespace-nowrap",
        TONE_PILL[TONE[status]],
      )}
    >
      {status === "live" && <span aria-hidden className="size-1.5 rounded-full bg-green-mark" />}
      {status === "paused" && <Pause size={13} aria-hidden />}
      {status === "offline" && <WifiOff size={13} aria-hidden />}
      {words(props)}
    </button>
  );
}

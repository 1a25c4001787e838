import { WifiOff } from "lucide-react";
import { useEffect } from "react";
import { useLocalNow } from "../hooks/use-now";
import { announcements } from "../lib/announcements";
import { formatClock } from "../lib/time";
import { Button } from "./button";

interface OfflineBannerProps {
  lastGoodAt: number | null;
  nextTryAt: number | null;
  onRetry: () => void;
}

/** Over a page whose data has stopped: since when, and when the next try is due. */
export function OfflineBanner({ lastGoodAt, nextTryAt, onRetry }: OfflineBannerProps) {
  const now = useLocalNow();
  useEffect(() => { announcements.say("The server does not answer. What is shown may be old."); }, []);
  const seconds = nextTryAt === null ? null : Math.max(0, Math.ceil((nextTryAt - now) / 1000));
  return (
    <section aria-label="Connection" className="flex min-h-11 flex-wrap items-center gap-x-2.5 gap-y-1 bg-red-bg px-4 py-1.5 text-red-fg md:px-6">
      <WifiOff size={16} aria-hidden className="shrink-0" />
      <p>
        <span>{lastGoodAt === null ? "The server does not answer." : `Offline since ${formatClock(lastGoodAt)}.`}</span>{" "}
        {seconds === null ? "Trying now." : `Next try in ${seconds} s.`}
      </p>
      <Button kind="danger" className="ml-auto" onClick={onRetry}>
        Try now
      </Button>
    </section>
  );
}

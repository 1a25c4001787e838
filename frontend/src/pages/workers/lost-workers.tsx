import { OctagonX } from "lucide-react";
import { useState } from "react";
import type { Worker } from "../../api/overview";
import { Button } from "../../components/button";
import { Card } from "../../components/card";
import { formatSpan } from "../../lib/time";

/** Workers that stopped answering, each with what becomes of its tasks. */
export function LostWorkers({ lost, now }: { lost: readonly Worker[]; now: number }) {
  const [open, setOpen] = useState(false);
  if (lost.length === 0) return null;
  return (
    <Card>
      <ul aria-label="Lost workers">
        {lost.map((worker) => (
          <li key={worker.name} className="flex flex-wrap items-center gap-x-4 gap-y-2 border-b border-border px-4 py-3 last:border-b-0">
            <OctagonX size={16} aria-hidden className="shrink-0 text-red-fg" />
            <p className="min-w-0 flex-1 text-text-2">
              <span className="font-semibold text-text">Worker <span className="font-mono">{worker.name}</span> stopped answering</span>
              {` · its lease ended ${formatSpan(now - worker.expiresAt.getTime())} ago · its tasks return to their queues and start elsewhere, one attempt spent`}
            </p>
            <Button aria-expanded={open} onClick={() => { setOpen(!open); }}>What to check</Button>
          </li>
        ))}
      </ul>
      {open && (
        <ul className="list-disc border-t border-border py-3 pr-4 pl-14 text-text-2">
          <li>Is the machine or the container up, and did it run out of memory?</li>
          <li>Can it reach Redis? Its log says so once a second while it cannot.</li>
          <li>Does a handler block the event loop for longer than the lease?</li>
        </ul>
      )}
    </Card>
  );
}

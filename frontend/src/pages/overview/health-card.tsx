import { Check, TriangleAlert } from "lucide-react";
import { useEffect } from "react";
import type { Health } from "../../api/health-needs";
import { Card } from "../../components/card";
import { TONE_PILL } from "../../components/status";
import { useLocalNow } from "../../hooks/use-now";
import { announcements } from "../../lib/announcements";
import { joinClasses } from "../../lib/format";
import { formatRelative } from "../../lib/time";
import { NeedRow } from "./need-row";

interface HealthCardProps {
  health: Health;
  /** When the data behind it was read, on this machine's clock. */
  checkedAt: number | null;
  mayAct: boolean;
}

/** Is all well? One sentence, and below it each thing that needs the operator with its next step. */
export function HealthCard({ health, checkedAt, mayAct }: HealthCardProps) {
  const now = useLocalNow();
  useEffect(() => { announcements.say(`${health.title}.`); }, [health.title]);
  const Icon = health.tone === "green" ? Check : TriangleAlert;
  const checked = checkedAt === null ? "" : `Checked ${formatRelative(new Date(checkedAt), now)}.`;
  return (
    <Card>
      <div className="flex items-center gap-3.5 p-4 max-md:items-start">
        <span className={joinClasses("flex size-9 shrink-0 items-center justify-center rounded-full", TONE_PILL[health.tone])}>
          <Icon size={17} aria-hidden />
        </span>
        <div className="min-w-0">
          <h2 className="text-15 md:text-20">
            <span className="font-semibold">{health.title}</span>{" "}
            <span className="text-text-2 max-md:block max-md:text-13">
              <span className="max-md:hidden">· </span>
              {health.facts.join(" · ")}
            </span>
          </h2>
          <p className="text-text-2 max-md:hidden">
            {health.rest} {health.needs.length === 0 && checked}
          </p>
        </div>
      </div>
      {health.needs.length > 0 && (
        <ul aria-label="What needs you">
          {health.needs.map((need) => (
            <NeedRow key={need.id} need={need} mayAct={mayAct} />
          ))}
        </ul>
      )}
    </Card>
  );
}

import { List } from "lucide-react";
import { useState } from "react";
import type { Stats } from "../../api/stats";
import { Button } from "../../components/button";
import { Card } from "../../components/card";
import { TimeChart } from "../../components/time-chart";
import { Td, Th } from "../../components/table";
import { useCrosshair } from "../../hooks/use-crosshair";
import type { Marker } from "../../lib/markers";
import { formatCount, formatRate } from "../../lib/format";
import { formatMinute } from "../../lib/time";

const STEP_MINUTES = 15;

interface Point {
  readonly at: number;
  readonly finished: number;
  readonly failed: number;
  readonly dead: number;
  readonly waitP50Ms: number | null;
  readonly waitP95Ms: number | null;
}

/** A day is drawn in quarters of an hour, a week in hours: the mean a minute, the sum of failures, the highest wait. */
function points({ steps, stepMinutes }: Stats): readonly Point[] {
  if (steps.length <= 120) return steps;
  const size = stepMinutes === 1 ? STEP_MINUTES : 1;
  const found: Point[] = [];
  for (let from = 0; from < steps.length; from += size) {
    const part = steps.slice(from, from + size);
    const sum = (key: "finished" | "failed" | "dead") => part.reduce((total, step) => total + step[key], 0);
    const most = (key: "waitP50Ms" | "waitP95Ms") => part.reduce<number | null>((high, step) => (step[key] === null ? high : Math.max(high ?? 0, step[key])), null);
    found.push({ at: part[0]?.at ?? 0, finished: sum("finished") / (part.length * stepMinutes), failed: sum("failed"), dead: sum("dead"), waitP50Ms: most("waitP50Ms"), waitP95Ms: most("waitP95Ms") });
  }
  return found;
}

/** 14:20, and in a week 24 Nov 14:00. */
function timeWords(at: number, span: number): string {
  const minute = formatMinute(at);
  const day = formatMinute(at, span);
  return day === minute ? minute : `${day} ${minute}`;
}

/** What ended per minute, failed attempts below on a scale of their own. */
export function ThroughputCard({ stats, markers }: { stats: Stats; markers: readonly Marker[] }) {
  const [isTable, setTable] = useState(false);
  const at = useCrosshair();
  const shown = points(stats);
  const span = (shown.at(-1)?.at ?? 0) - (shown[0]?.at ?? 0);
  const chosen = shown.find((point) => point.at === at);
  const failures = shown.reduce((sum, point) => sum + point.failed, 0);
  const dead = shown.reduce((sum, point) => sum + point.dead, 0);
  const note = chosen === undefined ? "finished per minute; failed attempts below on their own scale" : `${timeWords(chosen.at, span)}: ${formatCount(chosen.finished)} finished, ${formatCount(chosen.failed)} failed`;
  return (
    <Card
      title="Throughput"
      note={<span className="max-md:hidden">{note}</span>}
      tools={<Button kind="quiet" aria-pressed={isTable} onClick={() => { setTable(!isTable); }}><List size={14} aria-hidden />{isTable ? "Chart" : "Table"}</Button>}
    >
      {isTable ? (
        <div tabIndex={0} role="region" aria-label="Throughput as a table" className="h-60 overflow-y-auto">
          <table className="w-full">
            <thead><tr><Th>Time</Th><Th className="text-right">Finished a minute</Th><Th className="text-right">Failed attempts</Th></tr></thead>
            <tbody>
              {shown.toReversed().map((point) => (
                <tr key={point.at} className="h-7"><Td>{timeWords(point.at, span)}</Td><Td className="text-right">{formatCount(point.finished)}</Td><Td className="text-right">{formatCount(point.failed)}</Td></tr>
              ))}
            </tbody>
          </table>
        </div>
      ) : (
        <div className="px-4 pb-3">
          <TimeChart
            label={`Throughput, now ${formatCount(shown.at(-2)?.finished ?? 0)} finished a minute; ${formatCount(failures)} failed attempts in all`}
            times={shown.map((point) => point.at)}
            lines={[{ name: "finished", look: "area", values: shown.map((point) => point.finished) }]}
            strip={{ name: "failed", tone: dead > 0 ? "red" : "amber", values: shown.map((point) => point.failed) }}
            markers={markers}
            height={248}
            format={formatRate}
          />
        </div>
      )}
    </Card>
  );
}

/** How long tasks waited before they started. */
export function WaitCard({ stats }: { stats: Stats }) {
  const shown = points(stats);
  const seconds = (key: "waitP50Ms" | "waitP95Ms") => shown.map((point) => (point[key] === null ? null : point[key] / 1000));
  return (
    <Card title="Wait before start" tools={<span className="text-12 text-text-2">seconds</span>}>
      <div className="px-4 pb-3">
        <TimeChart
          label={`Wait before start; over all of it p50 ${stats.waitP50Ms ?? 0} ms, p95 ${stats.waitP95Ms ?? 0} ms`}
          times={shown.map((point) => point.at)}
          lines={[{ name: "p95", look: "dashed", values: seconds("waitP95Ms") }, { name: "p50", look: "area", values: seconds("waitP50Ms") }]}
          height={140}
          format={(value) => String(Number(value.toPrecision(2)))}
          hasEndLabels
        />
      </div>
    </Card>
  );
}

import { Link } from "@tanstack/react-router";
import { TriangleAlert } from "lucide-react";
import type { Cost } from "../../api/cost";
import { Card } from "../../components/card";
import { formatPercent, joinClasses } from "../../lib/format";
import { CostMeter } from "./cost-meter";
import { costWords, perTask } from "./cost-words";

const SOURCES = [
  { key: "submit", label: "Submitting", fill: "fill-accent", dot: "bg-accent" },
  { key: "work", label: "Workers", fill: "fill-accent opacity-65", dot: "bg-accent opacity-65" },
  { key: "idle", label: "Idle waiting", fill: "fill-accent opacity-35", dot: "bg-accent opacity-35" },
  { key: "viewers", label: "This dashboard", fill: "fill-neutral-mark", dot: "bg-neutral-mark" },
] as const;

/** What Redis costs in the unit of the plan, what caused it, and where the month is heading. */
export function CostCard({ cost }: { cost: Cost }) {
  const words = costWords(cost);
  const month = cost.now.slice(0, 7);
  const parts = SOURCES.map((source) => ({ ...source, calls: cost.days.reduce((sum, day) => (day.day.startsWith(month) ? sum + day[source.key] : sum), 0) }));
  const total = Math.max(1, parts.reduce((sum, { calls }) => sum + calls, 0));
  return (
    <Card title={words.title} note={words.note} tools={<Link to="/settings" className="font-medium text-accent hover:underline">Details</Link>}>
      <div className="px-4 pb-3">
        <p className="truncate text-text-2">
          <span className="mr-1.5 text-20 font-semibold text-text">{words.figure}</span>
          {words.unit}
        </p>
        {words.share !== null && <CostMeter share={words.share} parts={words.isDivided ? parts : []} today={words.today} />}
        <p className={joinClasses("mt-1 flex gap-1.5 text-12", words.isOver ? "text-amber-fg" : "text-text-2")}>
          {words.isOver && <TriangleAlert size={14} aria-hidden className="mt-px shrink-0" />}
          {words.sentence}
        </p>
        <dl className="mt-2 grid grid-cols-2 gap-x-6 gap-y-1 text-12">
          {words.facts.map(({ name, value, isBad }) => (
            <div key={name} className="flex items-center gap-2 first:col-span-2">
              <dt className="text-text-2">{name}</dt>
              <dd className={joinClasses("ml-auto font-medium", isBad && "text-amber-fg")}>{value}</dd>
            </div>
          ))}
          {parts.map(({ key, label, dot, calls }) => (
            <div key={key} className="flex items-center gap-2">
              <dt className="flex items-center gap-2 text-text-2"><span aria-hidden className={`size-2 rounded-[2px] ${dot}`} />{label}</dt>
              <dd className="ml-auto font-medium">{formatPercent(calls / total)} %</dd>
            </div>
          ))}
        </dl>
        <p className="mt-2 border-t border-border pt-2 text-12 text-text-2">{perTask(cost)}{cost.plan.kind !== "own" && " Counted by the product; the bill is the authority."}</p>
      </div>
    </Card>
  );
}

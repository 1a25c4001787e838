import { Link } from "@tanstack/react-router";
import { TriangleAlert } from "lucide-react";
import type { Cost } from "../../api/cost";
import { Card } from "../../components/card";
import { formatCount, formatPercent } from "../../lib/format";

const SOURCES = [
  { key: "submit", label: "Submitting", fill: "fill-accent", dot: "bg-accent" },
  { key: "work", label: "Workers", fill: "fill-accent opacity-65", dot: "bg-accent opacity-65" },
  { key: "idle", label: "Idle waiting", fill: "fill-accent opacity-35", dot: "bg-accent opacity-35" },
  { key: "viewers", label: "This dashboard", fill: "fill-neutral-mark", dot: "bg-neutral-mark" },
] as const;

/** What the month has cost in Redis commands, by what caused them, and where it is heading. */
export function CostCard({ cost }: { cost: Cost }) {
  const sums = SOURCES.map((source) => ({ ...source, calls: cost.days.reduce((sum, day) => sum + day[source.key], 0) }));
  const total = Math.max(1, sums.reduce((sum, { calls }) => sum + calls, 0));
  const budget = cost.budget.calls;
  const scale = budget ?? Math.max(cost.forecast, cost.month_to_date, 1);
  const isOver = budget !== null && cost.forecast > budget;
  const plan = cost.plans.find((each) => each.name === cost.cheapest);
  const perCall = (Math.min(1, cost.month_to_date / scale) * 100) / total;
  return (
    <Card title="Redis" note="commands this month" tools={<Link to="/settings" className="font-medium text-accent hover:underline">Details</Link>}>
      <div className="px-4 pb-3">
        <p className="text-text-2">
          <span className="mr-1.5 text-20 font-semibold text-text">{formatCount(cost.month_to_date)}</span>
          {budget === null ? "commands so far" : `of ${formatCount(budget)} in the budget`}
        </p>
        <svg aria-hidden preserveAspectRatio="none" viewBox="0 0 100 8" className="mt-2 h-2 w-full rounded-sm">
          <rect width="100" height="8" className="fill-surface-3" />
          {sums.map(({ key, calls, fill }, index) => {
            const before = sums.slice(0, index).reduce((sum, each) => sum + each.calls, 0);
            return <rect key={key} x={before * perCall} width={calls * perCall} height="8" className={fill} />;
          })}
        </svg>
        <p className={isOver ? "mt-2 flex gap-1.5 text-12 text-amber-fg" : "mt-2 text-12 text-text-2"}>
          {isOver && <TriangleAlert size={14} aria-hidden className="shrink-0" />}
          On pace for {formatCount(cost.forecast)} this month.
          {plan?.monthly_usd != null && ` At Upstash that is ${plan.name}, $${plan.monthly_usd.toFixed(2)}.`}
        </p>
        <dl className="mt-2.5 grid grid-cols-2 gap-x-6 gap-y-1">
          {sums.map(({ key, label, dot, calls }) => (
            <div key={key} className="flex items-center gap-2 text-12">
              <dt className="flex items-center gap-2 text-text-2"><span aria-hidden className={`size-2 rounded-[2px] ${dot}`} />{label}</dt>
              <dd className="ml-auto font-medium">{formatPercent(calls / total)} %</dd>
            </div>
          ))}
        </dl>
      </div>
    </Card>
  );
}

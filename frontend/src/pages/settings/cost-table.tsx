import { useQuery } from "@tanstack/react-query";
import type { Cost } from "../../api/cost";
import { costOptions } from "../../api/cost";
import { Card } from "../../components/card";
import { Td, Th } from "../../components/table";
import { formatCount } from "../../lib/format";

type Day = Cost["days"][number];

const SOURCES: readonly { readonly name: string; readonly of: (day: Day) => number }[] = [
  { name: "Submitting", of: (day) => day.submit },
  { name: "Workers", of: (day) => day.work },
  { name: "Idle", of: (day) => day.idle },
  { name: "Viewers", of: (day) => day.viewers },
];

/** Redis commands by day and by what caused them, and what the month would cost on each plan. */
export function CostTable() {
  const { data: cost } = useQuery(costOptions());
  if (cost === undefined || cost === null) return null;
  return (
    <Card title="Cost" note={`${formatCount(cost.month_to_date)} commands this month, on pace for ${formatCount(cost.forecast)}`}>
      <table className="w-full">
        <thead><tr><Th>Day</Th>{SOURCES.map(({ name }) => <Th key={name} className="text-right max-sm:hidden">{name}</Th>)}<Th className="text-right">All</Th></tr></thead>
        <tbody>
          {cost.days.toReversed().map((day) => (
            <tr key={day.day} className="h-8">
              <Td className="whitespace-nowrap max-sm:py-1.5 max-sm:whitespace-normal">
                {day.day}
                <span className="block text-12 text-text-2 sm:hidden">{SOURCES.map(({ name, of }) => `${name} ${formatCount(of(day))}`).join(" · ")}</span>
              </Td>
              {SOURCES.map(({ name, of }) => <Td key={name} className="text-right text-text-2 max-sm:hidden">{formatCount(of(day))}</Td>)}
              <Td className="text-right font-medium">{formatCount(day.total)}</Td>
            </tr>
          ))}
        </tbody>
      </table>
      <ul aria-label="Plans" className="border-t border-border px-4 py-3">
        {cost.plans.map(({ name, monthly_usd, note }) => (
          <li key={name} className="flex flex-wrap gap-x-3 py-0.5">
            <span className={name === cost.cheapest ? "font-medium" : "text-text-2"}>{name}</span>
            <span className="min-w-0 text-12 leading-5 text-text-2 max-sm:order-last max-sm:w-full">{note}</span>
            <span className="ml-auto shrink-0">{monthly_usd === null ? "does not fit" : `$${monthly_usd.toFixed(2)}`}</span>
          </li>
        ))}
      </ul>
      <p className="border-t border-border px-4 py-3 text-12 text-text-2">Counted by the product; the bill is the authority.</p>
    </Card>
  );
}

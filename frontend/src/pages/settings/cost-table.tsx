import { useQuery } from "@tanstack/react-query";
import { costOptions } from "../../api/cost";
import { Card } from "../../components/card";
import { Td, Th } from "../../components/table";
import { formatCount } from "../../lib/format";

/** Redis commands by day and by what caused them, and what the month would cost on each plan. */
export function CostTable() {
  const { data: cost } = useQuery(costOptions());
  if (cost === undefined || cost === null) return null;
  return (
    <Card title="Cost" note={`${formatCount(cost.month_to_date)} commands this month, on pace for ${formatCount(cost.forecast)}`}>
      <table className="w-full">
        <thead><tr><Th>Day</Th><Th className="text-right">Submitting</Th><Th className="text-right">Workers</Th><Th className="text-right">Idle</Th><Th className="text-right">Viewers</Th><Th className="text-right">All</Th></tr></thead>
        <tbody>
          {cost.days.toReversed().map((day) => (
            <tr key={day.day} className="h-8">
              <Td>{day.day}</Td>
              {[day.submit, day.work, day.idle, day.viewers].map((calls, index) => <Td key={index} className="text-right text-text-2">{formatCount(calls)}</Td>)}
              <Td className="text-right font-medium">{formatCount(day.total)}</Td>
            </tr>
          ))}
        </tbody>
      </table>
      <ul aria-label="Plans" className="border-t border-border px-4 py-3">
        {cost.plans.map(({ name, monthly_usd, note }) => (
          <li key={name} className="flex gap-3 py-0.5">
            <span className={name === cost.cheapest ? "font-medium" : "text-text-2"}>{name}</span>
            <span className="min-w-0 truncate text-12 leading-5 text-text-2" title={note}>{note}</span>
            <span className="ml-auto shrink-0">{monthly_usd === null ? "does not fit" : `$${monthly_usd.toFixed(2)}`}</span>
          </li>
        ))}
      </ul>
      <p className="border-t border-border px-4 py-3 text-12 text-text-2">Counted by the product; the bill is the authority.</p>
    </Card>
  );
}

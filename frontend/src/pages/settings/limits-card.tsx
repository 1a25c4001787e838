import { useQuery } from "@tanstack/react-query";
import type { LimitInForce } from "../../api/administration";
import { limitsInForceOptions } from "../../api/administration";
import { Card } from "../../components/card";
import { RowHead, Td, Th } from "../../components/table";
import { formatBytes, formatCount, plural } from "../../lib/format";
import { formatDuration } from "../../lib/time";

/** What this deployment bounds, and the variable that sets each; read-only. */
export function LimitsCard() {
  const { data: limits } = useQuery(limitsInForceOptions());
  if (limits === undefined || limits === null) return null;
  return (
    <Card title="Limits in force" note="a worker has settings of its own">
      <table className="w-full">
        <thead><tr><Th>Limit</Th><Th className="text-right">Value</Th><Th className="max-sm:hidden">Set with</Th></tr></thead>
        <tbody>
          {limits.map((limit) => (
            <tr key={limit.name} className="h-9">
              <RowHead className="max-sm:py-1.5">
                {limit.name}
                <span className="block text-12 text-text-2 sm:hidden"><Variable name={limit.variable} /></span>
              </RowHead>
              <Td className="text-right tabular-nums">{valueWords(limit)}</Td>
              <Td className="text-text-2 max-sm:hidden"><Variable name={limit.variable} /></Td>
            </tr>
          ))}
        </tbody>
      </table>
    </Card>
  );
}

function Variable({ name }: { name: string | null }) {
  return name === null ? <>fixed</> : <code className="break-all">{name}</code>;
}

function valueWords({ value, unit }: LimitInForce): string {
  if (value === null) return "none";
  if (typeof value === "string") return value;
  if (unit === "bytes") return formatBytes(value);
  if (unit === "seconds") return formatDuration(value * 1000);
  return unit === "tasks" ? plural(value, "task") : formatCount(value);
}

import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ErrorGroup } from "../../api/dead-letters";
import { newestDeadOptions } from "../../api/dead-letters";
import { Card } from "../../components/card";
import { Spark } from "../../components/spark";
import { Td, Th } from "../../components/table";
import { TimeText } from "../../components/time-text";
import { useNow } from "../../hooks/use-now";
import { historyOf, LAST_HOUR } from "../../lib/death-history";
import { formatCount } from "../../lib/format";

const SHOWN = 5;
/** A group that killed a task within this time is still failing. */
const STILL_FAILING_MS = 15 * 60_000;

/** The newest reasons why tasks died. */
export function FailuresCard({ groups }: { groups: readonly ErrorGroup[] }) {
  const now = useNow();
  const { data: newest = [] } = useQuery(newestDeadOptions());
  const dead = groups.reduce((sum, group) => sum + group.count, 0);
  if (groups.length === 0) return null;
  return (
    <Card title="Failures" note="dead tasks, grouped by error" tools={<Link to="/dead-letters" className="font-medium text-accent hover:underline">All failures</Link>}>
      <table className="w-full table-fixed">
        <thead>
          <tr><Th>Error</Th><Th className="w-44 max-md:hidden">Type</Th><Th className="w-40 max-lg:hidden">Last hour</Th><Th className="w-20 text-right">Count</Th><Th className="w-28 text-right">Last seen</Th></tr>
        </thead>
        <tbody>
          {groups.slice(0, SHOWN).map(({ fingerprint, count, lastAt, task }) => {
            const history = historyOf(newest, dead, { fingerprint, count }, now, LAST_HOUR);
            return (
            <tr key={fingerprint} className="h-9 hover:bg-surface-2">
              <Td className="truncate">
                <Link to="/dead-letters" search={{ group: fingerprint }} className="hover:underline">
                  <span className="font-medium">{task.error?.type ?? "Unknown error"}</span> <span className="text-text-2">{task.error?.message}</span>
                </Link>
              </Td>
              <Td className="truncate max-md:hidden"><span className="font-mono">{task.type}</span></Td>
              <Td className="max-lg:hidden">{history && <Spark look="bars" tone={now - lastAt.getTime() < STILL_FAILING_MS ? "red" : "amber"} values={history.steps} width={112} height={20} />}</Td>
              <Td className="text-right font-medium">{formatCount(count)}</Td>
              <Td className="text-right text-text-2"><TimeText at={lastAt} /></Td>
            </tr>
            );
          })}
        </tbody>
      </table>
    </Card>
  );
}

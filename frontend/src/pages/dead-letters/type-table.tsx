import { Link } from "@tanstack/react-router";
import type { ErrorGroup } from "../../api/dead-letters";
import { Td, Th } from "../../components/table";
import { TimeText } from "../../components/time-text";
import { formatCount, plural } from "../../lib/format";

/** Dead tasks by type, the most of them first. */
export function TypeTable({ groups }: { groups: readonly ErrorGroup[] }) {
  const types = new Map<string, { count: number; reasons: number; lastAt: Date }>();
  for (const { task, count, lastAt } of groups) {
    const known = types.get(task.type);
    const newest = known === undefined || lastAt > known.lastAt ? lastAt : known.lastAt;
    types.set(task.type, { count: (known?.count ?? 0) + count, reasons: (known?.reasons ?? 0) + 1, lastAt: newest });
  }
  return (
    <table className="w-full border-t border-border">
      <thead>
        <tr>
          <Th>Type</Th>
          <Th>Reasons</Th>
          <Th>Last seen</Th>
          <Th className="text-right">Tasks</Th>
        </tr>
      </thead>
      <tbody>
        {[...types].sort(([, a], [, b]) => b.count - a.count).map(([type, { count, reasons, lastAt }]) => (
          <tr key={type} className="h-11 hover:bg-surface-2">
            <Td>
              <Link to="/tasks" search={{ status: "dead", type }} className="font-mono hover:text-accent hover:underline">{type}</Link>
            </Td>
            <Td>{plural(reasons, "reason")}</Td>
            <Td className="text-text-2"><TimeText at={lastAt} /></Td>
            <Td className="text-right font-semibold">{formatCount(count)}</Td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

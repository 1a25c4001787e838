import { useQuery } from "@tanstack/react-query";
import { auditOptions } from "../../api/administration";
import { describeProblem } from "../../api/problem";
import { Card } from "../../components/card";
import { Td, Th } from "../../components/table";
import { TimeText } from "../../components/time-text";

const SHOWN = 50;

/** Who did what, newest first. */
export function AuditCard() {
  const { data: entries, isError, error } = useQuery(auditOptions(SHOWN));
  if (isError) return <Card title="Who did what"><p className="px-4 pb-4 text-text-2">{describeProblem(error)}</p></Card>;
  if (entries === undefined || entries === null) return null;
  return (
    <Card title="Who did what" note={`the newest ${SHOWN} control actions`} className="xl:col-span-2">
      {entries.length === 0 ? (
        <p className="border-t border-border px-4 py-3 text-text-2">Nobody has acted yet.</p>
      ) : (
        <table className="w-full table-fixed">
          <thead><tr><Th>Action</Th><Th className="max-sm:hidden">On</Th><Th className="max-md:hidden">Detail</Th><Th className="w-28 max-sm:hidden">By</Th><Th className="w-28 text-right max-sm:w-24">When</Th></tr></thead>
          <tbody>
            {entries.map(({ id, action, target, detail, by, at }) => (
              <tr key={id} className="h-9">
                <Td className="max-sm:py-1.5">
                  {action}
                  <span className="block text-12 break-words text-text-2 sm:hidden"><span className="font-mono">{target}</span> by <span className="font-mono">{by}</span>{detail !== "" && `: ${detail}`}</span>
                </Td>
                <Td className="truncate max-sm:hidden"><span className="font-mono" title={target}>{target}</span></Td>
                <Td className="truncate text-text-2 max-md:hidden"><span title={detail}>{detail}</span></Td>
                <Td className="truncate max-sm:hidden"><span className="font-mono" title={by}>{by}</span></Td>
                <Td className="text-right text-text-2"><TimeText at={at} /></Td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Card>
  );
}

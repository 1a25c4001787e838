import { useQuery } from "@tanstack/react-query";
import { keysOptions } from "../../api/administration";
import { Card } from "../../components/card";
import { Td, Th } from "../../components/table";
import { TimeText } from "../../components/time-text";
import { useIdentity } from "../shell/use-identity";

/** The keys of API_KEYS and when each was used last. Listing them takes an admin key. */
export function KeysCard() {
  const { mayAct } = useIdentity();
  const { data: keys } = useQuery({ ...keysOptions(), enabled: mayAct });
  if (!mayAct || keys === undefined || keys === null) return null;
  return (
    <Card title="Keys" note={<>set with <code>API_KEYS</code></>}>
      {keys.length === 0 ? (
        <p className="border-t border-border px-4 py-3 text-text-2">No keys are set: only this machine is served.</p>
      ) : (
        <table className="w-full">
          <thead><tr><Th>Name</Th><Th>Role</Th><Th>Queues</Th><Th className="text-right">Last use</Th></tr></thead>
          <tbody>
            {keys.map(({ name, role, queues, usedAt }) => (
              <tr key={name} className="h-9">
                <Td><span className="font-mono">{name}</span></Td>
                <Td>{role}</Td>
                <Td className="text-text-2">{queues === null ? "all" : queues.join(", ")}</Td>
                <Td className="text-right text-text-2">{usedAt === null ? "never" : <TimeText at={usedAt} />}</Td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Card>
  );
}

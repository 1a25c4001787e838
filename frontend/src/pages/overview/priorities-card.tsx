import { Link } from "@tanstack/react-router";
import type { Queue } from "../../api/overview";
import { sumPriorities } from "../../api/overview";
import { Card } from "../../components/card";
import { PriorityTable } from "../../components/priority-table";

/** What waits, over all queues. */
export function PrioritiesCard({ queues, now }: { queues: readonly Queue[]; now: number }) {
  return (
    <Card title="Pending by priority" tools={<Link to="/queues" className="font-medium text-accent hover:underline">Queues</Link>}>
      <div className="px-4 pb-3"><PriorityTable counts={sumPriorities(queues)} now={now} filter={{}} /></div>
    </Card>
  );
}

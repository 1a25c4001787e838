import { useNavigate } from "@tanstack/react-router";
import { List, OctagonX, Trash2 } from "lucide-react";
import { useState } from "react";
import { purgeQueue } from "../../api/operations";
import type { Queue } from "../../api/overview";
import { Confirm } from "../../components/confirm";
import { Menu } from "../../components/menu";
import { useJob } from "../../hooks/use-job";
import { formatCount, plural } from "../../lib/format";
import { sendUnlessUndone } from "../../lib/toasts";

/** What else can be done with a queue. */
export function QueueMenu({ queue: { name, counts } }: { queue: Queue }) {
  const navigate = useNavigate();
  const [isPurging, setPurging] = useState(false);
  const purge = useJob("removed");
  return (
    <>
      <Menu
        label={`More for queue ${name}`}
        items={[
          { label: "Show its tasks", icon: List, run: () => void navigate({ to: "/tasks", search: { queue: name } }) },
          { label: "Show its dead letters", icon: OctagonX, run: () => void navigate({ to: "/tasks", search: { queue: name, status: "dead" } }) },
          { label: "Purge pending…", icon: Trash2, danger: true, run: () => { setPurging(true); } },
        ]}
      />
      {isPurging && (
        <Confirm
          title={`Purge queue ${name}`}
          consequence={`Its ${plural(counts.pending, "pending task")} are removed for good, with their payloads. What runs goes on. You can take it back for 6 s.`}
          confirm={`Purge ${formatCount(counts.pending)}`}
          typed={counts.pending > 100 ? String(counts.pending) : undefined}
          onConfirm={() => { sendUnlessUndone({ text: `Queue \`${name}\` is purged`, send: () => { purge.start(() => purgeQueue(name)); } }); }}
          onClose={() => { setPurging(false); }}
        />
      )}
    </>
  );
}

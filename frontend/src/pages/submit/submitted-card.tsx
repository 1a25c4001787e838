import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useSyncExternalStore } from "react";
import { taskOptions } from "../../api/tasks";
import { Card } from "../../components/card";
import { StatusBadge } from "../../components/status-badge";
import { useNow } from "../../hooks/use-now";
import { plural } from "../../lib/format";
import type { SubmittedHere } from "../../lib/submitted";
import { submitted } from "../../lib/submitted";
import { ranMs } from "../../lib/task-times";
import { formatDuration, formatMinute } from "../../lib/time";

/** What was submitted from this tab, with its status as it changes. */
export function SubmittedCard() {
  const list = useSyncExternalStore(submitted.subscribe, submitted.getSnapshot);
  if (list.length === 0) return null;
  return (
    <Card title="Submitted here" note="this session">
      <ul aria-label="Submitted here" className="px-4 pb-3">
        {list.map((entry) => <Entry key={entry.id} entry={entry} />)}
      </ul>
    </Card>
  );
}

function Entry({ entry }: { entry: SubmittedHere }) {
  const now = useNow();
  const { data: task, isError } = useQuery(taskOptions(entry.id));
  const ran = task === undefined ? null : ranMs(task, now);
  return (
    <li className="flex h-8 items-center gap-3">
      <span className="w-26 shrink-0">{task ? <StatusBadge status={task.status} /> : <span className="text-text-3">{isError ? "not kept" : "submitted"}</span>}</span>
      <Link to="/tasks/$taskId" params={{ taskId: entry.id }} className="min-w-0 truncate font-mono text-accent hover:underline">{entry.type}</Link>
      <span className="ml-auto shrink-0 text-text-2">
        {task?.status === "dead" ? plural(task.attempt, "attempt") : ran === null ? "" : formatDuration(ran)}
      </span>
      <span className="w-10 shrink-0 text-right text-12 text-text-3">{formatMinute(entry.at)}</span>
    </li>
  );
}

import { Link } from "@tanstack/react-router";
import { Inbox, Search } from "lucide-react";
import type { Counts } from "../../api/overview";
import type { TaskFilter } from "../../api/tasks";
import { buttonClass } from "../../components/button";
import { Message } from "../../components/message";
import { STATUS, STATUSES } from "../../components/status";
import { plural } from "../../lib/format";
import { FirstRun } from "../overview/first-run";

interface NoTasksProps {
  filter: TaskFilter;
  counts: Counts | null;
  workers: number;
}

/** Why the list is empty: nothing was ever submitted, nothing has this status, or the filters leave nothing. */
export function NoTasks({ filter, counts, workers }: NoTasksProps) {
  const { status, queue, type } = filter;
  if (queue === undefined && type === undefined) {
    if (counts !== null && STATUSES.every((each) => counts[each] === 0)) return <FirstRun workers={workers} />;
    if (status === "dead") return <Message icon={Inbox} title="Nothing gave up" />;
    return <Message icon={Inbox} title={status === undefined ? "No task is kept" : `No task is ${STATUS[status].label.toLowerCase()}`} />;
  }
  const label = status === undefined ? "" : `${STATUS[status].label.toLowerCase()} `;
  const none = [type === undefined ? "" : `of type ${type}`, queue === undefined ? "" : `in queue ${queue}`];
  const all = status === undefined || counts === null ? null : counts[status];
  return (
    <Message
      icon={Search}
      title="No task matches these filters"
      actions={
        <Link to="/tasks" search={{ status }} className={buttonClass()}>
          Clear filters
        </Link>
      }
    >
      {all === null || all === 0 ? null : `There ${all === 1 ? "is" : "are"} ${plural(all, `${label}task`)}, none ${none.filter(Boolean).join(" ")}.`}
    </Message>
  );
}

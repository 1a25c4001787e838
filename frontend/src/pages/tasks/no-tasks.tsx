import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Inbox, Search } from "lucide-react";
import { keptMs, limitsInForceOptions } from "../../api/administration";
import type { Counts, Worker } from "../../api/overview";
import type { TaskFilter } from "../../api/tasks";
import { buttonClass } from "../../components/button";
import { Message } from "../../components/message";
import { STATUS, STATUSES } from "../../components/status";
import { plural } from "../../lib/format";
import { formatMoment } from "../../lib/time";
import { FirstRun } from "../overview/first-run";

/** As far back as dead tasks are kept. */
export function nothingGaveUp(kept: number | null): string {
  return kept === null ? "Nothing gave up" : `Nothing gave up in the last ${plural(Math.round(kept / 86_400_000), "day")}`;
}

interface NoTasksProps {
  filter: TaskFilter;
  counts: Counts | null;
  workers: readonly Worker[];
  mayAct: boolean;
}

/** Why the list is empty: nothing was ever submitted, nothing has this status, or the filters leave nothing. */
export function NoTasks({ filter, counts, workers, mayAct }: NoTasksProps) {
  const { status, queue, type, from, until, priority, worker, error, schedule, key } = filter;
  const { data: limits } = useQuery(limitsInForceOptions());
  if (Object.entries(filter).every(([name, value]) => name === "status" || value === undefined)) {
    if (counts !== null && STATUSES.every((each) => counts[each] === 0)) return <FirstRun workers={workers} mayAct={mayAct} />;
    if (status === "dead") return <Message icon={Inbox} title={nothingGaveUp(keptMs(limits, "dead"))} />;
    return <Message icon={Inbox} title={status === undefined ? "No task is kept" : `No task is ${STATUS[status].label.toLowerCase()}`} />;
  }
  const label = status === undefined ? "" : `${STATUS[status].label.toLowerCase()} `;
  const none = [type === undefined ? "" : `of type ${type}`, queue === undefined ? "" : `in queue ${queue}`, from === undefined ? "" : `submitted from ${formatMoment(new Date(from))} on`, until === undefined ? "" : `submitted before ${formatMoment(new Date(until))}`, priority === undefined ? "" : `of priority ${priority}`, worker === undefined ? "" : `on worker ${worker}`, error === undefined ? "" : "of this error", schedule === undefined ? "" : `among the last 10 times of ${schedule}`, key === undefined ? "" : `with the key ${key}`];
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

import type { ReactNode } from "react";
import { Link } from "@tanstack/react-router";
import { useQuery } from "@tanstack/react-query";
import { groupsOptions } from "../../api/dead-letters";
import type { Task } from "../../api/tasks";
import { explainOptions } from "../../api/tasks";
import type { TaskType } from "../../api/task-types";
import { taskTypesOptions } from "../../api/task-types";
import { Card } from "../../components/card";
import { LoadBar } from "../../components/load-bar";
import { isEnded } from "../../components/status";
import { StatusBadge } from "../../components/status-badge";
import { TimeText } from "../../components/time-text";
import { useNow } from "../../hooks/use-now";
import { plural } from "../../lib/format";
import { leftMs, ranMs, waitedMs } from "../../lib/task-times";
import { formatDuration, formatExact, formatSpan } from "../../lib/time";
import { TaskActions } from "./task-actions";
import { taskSentence } from "./task-sentence";

/** Type, status, one sentence, what can be done, and six facts. */
export function TaskHeader({ task, mayAct }: { task: Task; mayAct: boolean }) {
  const now = useNow();
  const waits = !isEnded(task.status) && task.status !== "running";
  const { data: reason } = useQuery({ ...explainOptions(task.id), enabled: waits });
  const facts = useFacts(task, now);
  return (
    <Card>
      <div className="flex flex-wrap items-center gap-x-3 gap-y-2 px-4 py-3.5">
        <h1 className="min-w-0 text-20 font-semibold break-words">{task.type}</h1>
        <StatusBadge status={task.status} pill />
        <p className="text-text-2 max-md:w-full" title={task.finishedAt ? formatExact(task.finishedAt) : undefined}>
          {taskSentence(task, now)}
        </p>
        {mayAct && <TaskActions task={task} />}
        {waits && reason && <p className="w-full text-text-2">{reason}</p>}
      </div>
      {task.status === "running" && task.progress !== null && <Progress progress={task.progress} ranMs={ranMs(task, now)} />}
      <dl className="grid grid-cols-2 overflow-hidden border-t border-border md:grid-cols-3 xl:grid-cols-6">
        {facts.map(([name, value]) => (
          <div key={name} className="-mt-px -ml-px min-w-0 border-t border-l border-border px-4 py-2.5">
            <dt className="text-12 text-text-2">{name}</dt>
            <dd className="truncate font-medium">{value}</dd>
          </div>
        ))}
      </dl>
    </Card>
  );
}

function Progress({ progress: { fraction, message }, ranMs: ran }: { progress: NonNullable<Task["progress"]>; ranMs: number | null }) {
  const left = ran === null ? null : leftMs(fraction, ran);
  const percent = fraction === null ? null : `${Math.round(fraction * 100)} %`;
  return (
    <div className="px-4 pb-4">
      <p className="mb-2 text-text-2">
        {left !== null && <span className="float-right ml-4">about {formatSpan(left)} left</span>}
        {percent !== null && <span className="font-semibold text-text">{percent}</span>}
        {percent !== null && message ? " · " : ""}
        {message ? `“${message}”` : ""}
      </p>
      {fraction !== null && <LoadBar share={fraction} className="w-full" />}
    </div>
  );
}

/** When its attempt is stopped, ms since 1970; null where it does not run or no bound is known. */
function timeoutAt(task: Task, type: TaskType | undefined): number | null {
  const bound = task.timeoutMs ?? (type === undefined ? null : type.timeoutSeconds * 1000);
  return task.status !== "running" || task.startedAt === null || bound === null ? null : task.startedAt.getTime() + bound;
}

function useFacts(task: Task, now: number): readonly (readonly [string, ReactNode])[] {
  const { data: groups } = useQuery({ ...groupsOptions(), enabled: task.fingerprint !== null });
  const group = groups?.find((each) => each.fingerprint === task.fingerprint);
  const waited = waitedMs(task, now);
  const total = (task.finishedAt?.getTime() ?? now) - task.createdAt.getTime();
  const others = group === undefined ? 0 : group.count - 1;
  const { data: types } = useQuery(taskTypesOptions());
  const ends = timeoutAt(task, types?.find((type) => type.name === task.type));
  return [
    ["Queue", <Link key="queue" to="/tasks" search={{ queue: task.queue }} className="text-accent hover:underline">{task.queue}</Link>],
    ["Priority", task.priority],
    ["Waited before start", waited === null ? "–" : formatDuration(waited)],
    [isEnded(task.status) ? "Total time" : "Age", formatDuration(total)],
    task.schedule !== null
      ? ["Schedule", <Link key="schedule" to="/schedules" search={{ schedule: task.schedule }} className="text-accent hover:underline">{task.schedule}</Link>]
      : ["Attempt", `${task.attempt} of ${task.maxRetries + 1}`],
    ends !== null
      ? ["Timeout", ends <= now ? "now" : `in ${formatDuration(ends - now)}`]
      : group !== undefined && others > 0
        ? ["Same error", <Link key="same" to="/dead-letters" search={{ group: group.fingerprint }} className="text-accent hover:underline">{plural(others, "other task")}</Link>]
        : ["Submitted", <TimeText key="submitted" at={task.createdAt} />],
  ];
}

import type { ReactNode } from "react";
import { Link } from "@tanstack/react-router";
import type { Task } from "../../api/tasks";
import { Card } from "../../components/card";
import { noteOf, TaskNote } from "../../components/task-note";
import { StatusBadge } from "../../components/status-badge";
import { TimeText } from "../../components/time-text";
import { useNow } from "../../hooks/use-now";
import { waitedMs } from "../../lib/task-times";
import { formatDuration, formatExact } from "../../lib/time";
import { CancelTask } from "./cancel-task";
import { taskSentence } from "./task-sentence";

/** Type, status, one sentence, what can be done, and six facts. */
export function TaskHeader({ task, mayAct }: { task: Task; mayAct: boolean }) {
  const now = useNow();
  const waited = waitedMs(task, now);
  const total = (task.finishedAt?.getTime() ?? now) - task.createdAt.getTime();
  const facts: [string, ReactNode][] = [
    [
      "Queue",
      <Link key="queue" to="/tasks" search={{ queue: task.queue }} className="text-accent hover:underline">
        {task.queue}
      </Link>,
    ],
    ["Priority", task.priority],
    ["Waited before start", waited === null ? "–" : formatDuration(waited)],
    ["Total time", formatDuration(total)],
    ["Attempt", `${task.attempt} of ${task.maxRetries + 1}`],
    ["Submitted", <TimeText key="submitted" at={task.createdAt} />],
  ];
  return (
    <Card>
      <div className="flex flex-wrap items-center gap-x-3 gap-y-2 px-4 py-3.5">
        <h1 className="min-w-0 text-20 font-semibold break-words">{task.type}</h1>
        <StatusBadge status={task.status} pill />
        <p className="text-text-2" title={task.finishedAt ? formatExact(task.finishedAt) : undefined}>
          {taskSentence(task, now)}
        </p>
        {task.status === "running" && task.progress && (
          <span className="text-text-2">
            <TaskNote note={noteOf(task, false, now)} />
          </span>
        )}
        {mayAct && <CancelTask task={task} />}
      </div>
      <dl className="grid grid-cols-2 overflow-hidden border-t border-border md:grid-cols-3 xl:grid-cols-6">
        {facts.map(([name, value]) => (
          <div key={name} className="-mt-px -ml-px border-t border-l border-border px-4 py-2.5">
            <dt className="text-12 text-text-2">{name}</dt>
            <dd className="truncate font-medium">{value}</dd>
          </div>
        ))}
      </dl>
    </Card>
  );
}

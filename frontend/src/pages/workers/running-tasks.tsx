import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { Worker } from "../../api/overview";
import type { Task, TaskPage } from "../../api/tasks";
import { taskTypesOptions } from "../../api/task-types";
import { Card } from "../../components/card";
import { LoadBar } from "../../components/load-bar";
import { Td, Th } from "../../components/table";
import { useNow } from "../../hooks/use-now";
import { plural, shortId } from "../../lib/format";
import { ranMs } from "../../lib/task-times";
import { formatDuration } from "../../lib/time";

const CLOSE_TO_TIMEOUT = 0.8;

interface RunningTasksProps {
  worker: Worker;
  running: TaskPage | undefined;
}

/** What a worker runs, longest first, and how much of its type's timeout each has used. */
export function RunningTasks({ worker, running }: RunningTasksProps) {
  const now = useNow();
  const { data: types = [] } = useQuery(taskTypesOptions());
  const timeouts = new Map(types.map((type) => [type.name, type.timeoutSeconds * 1000]));
  const tasks = (running?.tasks ?? [])
    .filter((task) => task.worker === worker.name)
    .sort((a, b) => (a.startedAt?.getTime() ?? 0) - (b.startedAt?.getTime() ?? 0));
  const more = running !== undefined && running.nextCursor !== null;
  return (
    <Card
      title={<span className="font-mono whitespace-nowrap">{worker.name}</span>}
      note={<>{plural(tasks.length, "running task")}{more && " among the first of many"}<span className="max-md:hidden">, longest first</span></>}
      tools={<Link to="/tasks" search={{ status: "running", worker: worker.name }} className="font-medium whitespace-nowrap text-accent hover:underline">Show<span className="max-md:sr-only">&nbsp;in Tasks</span></Link>}
    >
      {tasks.length === 0 ? (
        <p className="border-t border-border px-4 py-4 text-text-2">It runs nothing now.</p>
      ) : (
        <table className="w-full">
          <thead>
            <tr>
              <Th>Type</Th>
              <Th>Task</Th>
              <Th className="max-md:hidden">Queue</Th>
              <Th className="text-right max-md:hidden">Attempt</Th>
              <Th className="text-right">Runs for</Th>
              <Th className="max-sm:hidden">Timeout</Th>
            </tr>
          </thead>
          <tbody>{tasks.map((task) => <RunningRow key={task.id} task={task} now={now} timeoutMs={timeouts.get(task.type)} />)}</tbody>
        </table>
      )}
    </Card>
  );
}

function RunningRow({ task, now, timeoutMs }: { task: Task; now: number; timeoutMs: number | undefined }) {
  const ran = ranMs(task, now) ?? 0;
  const share = timeoutMs === undefined ? null : ran / timeoutMs;
  return (
    <tr className="h-9">
      <Td className="max-w-50 truncate"><span className="font-mono" title={task.type}>{task.type}</span></Td>
      <Td>
        <Link to="/tasks/$taskId" params={{ taskId: task.id }} className="font-mono text-text-2 hover:text-accent hover:underline">{shortId(task.id)}</Link>
      </Td>
      <Td className="max-md:hidden">{task.queue}</Td>
      <Td className="text-right max-md:hidden">{task.attempt}/{task.maxRetries + 1}</Td>
      <Td className="text-right whitespace-nowrap">{formatDuration(ran)}</Td>
      <Td className="max-sm:hidden">
        {share !== null && timeoutMs !== undefined && (
          <span className="flex items-center gap-3 text-12 text-text-2">
            <LoadBar share={share} tone={share > CLOSE_TO_TIMEOUT ? "amber" : "blue"} />
            of {formatDuration(timeoutMs)}, the type’s
          </span>
        )}
      </Td>
    </tr>
  );
}

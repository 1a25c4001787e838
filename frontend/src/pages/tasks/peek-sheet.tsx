import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { describeProblem } from "../../api/problem";
import { taskOptions } from "../../api/tasks";
import { buttonClass } from "../../components/button";
import { CopyButton } from "../../components/copy-button";
import { Dialog } from "../../components/dialog";
import { JsonText } from "../../components/json-text";
import { SkeletonBlock } from "../../components/skeleton";
import { StatusBadge } from "../../components/status-badge";
import { Traceback } from "../../components/traceback";
import { useNow } from "../../hooks/use-now";
import { formatJson } from "../../lib/json";
import { taskSentence } from "../task/task-sentence";

const SHOWN = 4000;

/** A look at a row without leaving the list. */
export function PeekSheet({ id, onClose }: { id: string; onClose: () => void }) {
  const now = useNow();
  const { data: task, isError, error } = useQuery(taskOptions(id));
  return (
    <Dialog look="sheet" title={task?.type ?? "Task"} onClose={onClose}>
      {task === undefined ? (
        isError ? <p role="alert" className="text-red-fg">{describeProblem(error)}</p> : <SkeletonBlock what="task" className="" />
      ) : (
        <div className="flex flex-col gap-4">
          <p className="flex flex-wrap items-center gap-x-3 gap-y-1">
            <StatusBadge status={task.status} pill />
            <span className="text-text-2">{taskSentence(task, now)}</span>
          </p>
          <p className="flex items-center gap-2">
            <span className="min-w-0 truncate font-mono text-text-2">{task.id}</span>
            <CopyButton name="id" text={task.id} />
            <Link to="/tasks/$taskId" params={{ taskId: task.id }} className={buttonClass("plain", "ml-auto")}>Open task</Link>
          </p>
          {task.error !== null && (
            <div>
              <p className="font-medium break-words text-red-fg">{task.error.type}: {task.error.message}</p>
              {task.error.traceback !== null && <Traceback text={task.error.traceback} showsAll={false} className="mt-2 max-h-80" />}
            </div>
          )}
          <section aria-label="Payload" className="rounded-md border border-border">
            <h3 className="border-b border-border px-4 py-2 font-medium">Payload</h3>
            <JsonText label="Payload as JSON" text={formatJson(task.payload).slice(0, SHOWN)} />
          </section>
        </div>
      )}
    </Dialog>
  );
}

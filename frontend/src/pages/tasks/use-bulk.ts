import { useQueryClient } from "@tanstack/react-query";
import { useRef, useState } from "react";
import type { WaitingStatus } from "../../api/operations";
import { cancelTask, deleteTask, requeueTask } from "../../api/operations";
import type { TaskStatus } from "../../api/tasks";
import { ApiProblem } from "../../api/problem";
import { showProblem } from "../../hooks/use-action";
import type { Selection } from "../../hooks/use-selection";
import { plural } from "../../lib/format";
import { inSteps } from "../../lib/in-steps";
import { sendUnlessUndone, toasts } from "../../lib/toasts";

/** Statuses whose tasks the server acts on by a filter: dead ones, and those that wait. */
type WholeStatus = "dead" | WaitingStatus;

export function isWholeStatus(status: TaskStatus | undefined): status is WholeStatus {
  return status === "dead" || isWaitingStatus(status);
}

export function isWaitingStatus(status: TaskStatus | undefined): status is WaitingStatus {
  return status === "pending" || status === "scheduled" || status === "retrying";
}

export type BulkKind = "requeue" | "cancel" | "delete";

const CALL: Readonly<Record<BulkKind, (id: string) => Promise<unknown>>> = {
  requeue: (id) => requeueTask(id),
  cancel: (id) => cancelTask(id),
  delete: (id) => deleteTask(id),
};
const DONE: Readonly<Record<BulkKind, string>> = { requeue: "requeued", cancel: "cancelled", delete: "deleted" };

/** Somebody else did it already, or it is not in that state: nothing was changed. */
function isSkip(error: unknown): boolean {
  return error instanceof ApiProblem && (error.status === 404 || error.status === 409);
}

/** One action on all selected tasks, in bounded steps; what failed stays selected. */
export function useBulk(selection: Selection) {
  const client = useQueryClient();
  const [progress, setProgress] = useState<{ readonly done: number; readonly of: number } | null>(null);
  const stopped = useRef(false);

  const run = async (kind: BulkKind, ids: readonly string[]) => {
    stopped.current = false;
    setProgress({ done: 0, of: ids.length });
    const tally = await inSteps({
      ids,
      run: CALL[kind],
      isSkip,
      onProgress: (done) => { setProgress({ done, of: ids.length }); },
      isStopped: () => stopped.current,
    });
    setProgress(null);
    selection.set(tally.failed);
    const parts = [`${plural(tally.done, "task")} ${DONE[kind]}`];
    if (tally.skipped > 0) parts.push(`${tally.skipped} skipped, as their status did not allow it`);
    if (tally.failed.length > 0) showProblem([...parts, `${tally.failed.length} failed and stay selected`].join(", "), tally.firstError);
    else toasts.show({ tone: "green", text: parts.join(", ") });
    await client.invalidateQueries({ queryKey: ["tasks"] });
    await client.invalidateQueries({ queryKey: ["overview"] });
    await client.invalidateQueries({ queryKey: ["dead-letters"] });
  };

  return {
    progress,
    stop: () => { stopped.current = true; },
    start: (kind: BulkKind) => {
      const ids = [...selection.selected];
      if (kind !== "delete") {
        void run(kind, ids);
        return;
      }
      selection.clear();
      sendUnlessUndone({
        text: `${plural(ids.length, "task is", "tasks are")} deleted`,
        send: () => void run("delete", ids),
        onUndo: () => { selection.set(ids); },
      });
    },
  };
}

import { useQueryClient } from "@tanstack/react-query";
import type { Submitted } from "../../api/operations";
import { cancelTask, deleteTask, requeueTask, runTaskNow, submitTask } from "../../api/operations";
import type { Task } from "../../api/tasks";
import { taskOptions } from "../../api/tasks";
import { showProblem, useAction } from "../../hooks/use-action";
import { formatJson } from "../../lib/json";
import { submitted } from "../../lib/submitted";
import { sendUnlessUndone, toasts } from "../../lib/toasts";

/** Everything one task can be asked. Cancel, requeue and run-now show at once. */
export function useTaskActions(task: Task) {
  const client = useQueryClient();
  const key = taskOptions(task.id).queryKey;
  const refresh = [key, ["tasks"], ["overview"], ["dead-letters"], ["explain", task.id]];
  const to = (status: Task["status"]) => ({ key, change: (old: Task): Task => ({ ...old, status }) });

  const cancel = useAction<undefined, Submitted>({
    run: () => cancelTask(task.id),
    ...(task.status === "running" ? {} : { optimistic: to("cancelled") }),
    refresh,
    done: ({ status }) => (status === "running" ? "Its worker was asked to stop it" : null),
    failed: () => "This task could not be cancelled",
  });
  const requeue = useAction({
    run: (payload: string | undefined) => requeueTask(task.id, payload),
    optimistic: to("pending"),
    refresh,
    done: () => `\`${task.type}\` requeued; attempts start again at 1`,
    failed: () => "This task could not be requeued",
  });
  const runNow = useAction<undefined, Submitted>({
    run: () => runTaskNow(task.id),
    optimistic: to("pending"),
    refresh,
    failed: () => "This task could not be started now",
  });
  const submitAgain = useAction<undefined, Submitted>({
    run: () =>
      submitTask({ type: task.type, payload: formatJson(task.payload), options: { queue: task.queue, priority: task.priority, max_retries: task.maxRetries } }),
    refresh: [["tasks"], ["overview"]],
    failed: () => "A new task like this could not be submitted",
  });
  const again = {
    ...submitAgain,
    mutate: () => {
      submitAgain.mutate(undefined, {
        onSuccess: ({ id }) => {
          submitted.add({ id, type: task.type, at: Date.now() });
          toasts.show({ tone: "green", text: `A new task of \`${task.type}\` was submitted`, action: { label: "View", run: () => { window.location.assign(`/tasks/${encodeURIComponent(id)}`); } } });
        },
      });
    },
  };
  const removeLater = (leave: () => void) => {
    leave();
    sendUnlessUndone({
      text: `This \`${task.type}\` task is deleted`,
      send: () => {
        deleteTask(task.id).then(
          () => void client.invalidateQueries({ queryKey: ["tasks"] }),
          (error: unknown) => { showProblem("The task could not be deleted", error); },
        );
      },
    });
  };
  return { cancel, requeue, runNow, submitAgain: again, removeLater };
}

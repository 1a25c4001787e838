import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Ban } from "lucide-react";
import { useRef } from "react";
import { describeProblem } from "../../api/problem";
import type { Task, TaskStatus } from "../../api/tasks";
import { cancelTask, taskOptions } from "../../api/tasks";
import { Button } from "../../components/button";

const OPEN: readonly TaskStatus[] = ["waiting", "scheduled", "pending", "running", "retrying"];

/** Cancels a task that is not finished; a running one only after its consequence was read. */
export function CancelTask({ task }: { task: Task }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const client = useQueryClient();
  const cancel = useMutation({
    mutationFn: () => cancelTask(task.id),
    onSettled: () => client.invalidateQueries({ queryKey: taskOptions(task.id).queryKey }),
  });
  if (!OPEN.includes(task.status)) return null;

  const start = () => {
    if (task.status === "running") dialog.current?.showModal();
    else cancel.mutate();
  };
  return (
    <div className="flex flex-wrap items-center gap-2 max-md:w-full md:ml-auto">
      {cancel.isError && (
        <p role="alert" className="text-red-fg">
          {describeProblem(cancel.error)}
        </p>
      )}
      {cancel.isSuccess && task.status === "running" && (
        <p role="status" className="text-text-2">
          Its worker was asked to stop it.
        </p>
      )}
      <Button className="max-md:w-full" aria-disabled={cancel.isPending} onClick={() => { if (!cancel.isPending) start(); }}>
        <Ban size={14} aria-hidden />
        {task.status === "running" ? "Cancel…" : cancel.isPending ? "Cancelling" : "Cancel"}
      </Button>
      <dialog
        ref={dialog}
        aria-labelledby="cancel-title"
        className="m-auto max-w-100 rounded-lg border border-border bg-surface p-5 text-text shadow-2"
      >
        <form method="dialog">
          <h2 id="cancel-title" className="text-15 font-semibold">
            Cancel this running task
          </h2>
          <p className="mt-2 text-text-2">
            Its worker is told to stop at its next heartbeat. What it did until then stays done, and it is not tried again.
          </p>
          <div className="mt-5 flex justify-end gap-2">
            <Button type="submit" autoFocus>
              Keep running
            </Button>
            <Button type="submit" kind="danger" onClick={() => { cancel.mutate(); }}>
              Cancel task
            </Button>
          </div>
        </form>
      </dialog>
    </div>
  );
}

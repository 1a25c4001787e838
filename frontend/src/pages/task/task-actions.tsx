import { useNavigate } from "@tanstack/react-router";
import { Ban, Copy, FastForward, Pencil, RotateCw, Trash2 } from "lucide-react";
import { useState } from "react";
import type { Task } from "../../api/tasks";
import { Button } from "../../components/button";
import { Confirm } from "../../components/confirm";
import type { MenuItem } from "../../components/menu";
import { Menu } from "../../components/menu";
import { isEnded } from "../../components/status";
import { useHotkeys } from "../../hooks/use-hotkeys";
import { formatJson } from "../../lib/json";
import { codeSample } from "../../lib/code-samples";
import { EditTask } from "./edit-task";
import { useTaskActions } from "./use-task-actions";

/** What can be done with a task in its status: the likeliest first, the rest in the menu. */
export function TaskActions({ task }: { task: Task }) {
  const navigate = useNavigate();
  const { cancel, requeue, runNow, submitAgain, removeLater } = useTaskActions(task);
  const [open, setOpen] = useState<"cancel" | "edit" | null>(null);
  const { status } = task;
  const waits = status === "pending" || status === "scheduled" || status === "retrying";
  const startCancel = () => { if (status === "running") setOpen("cancel"); else cancel.mutate(undefined); };
  useHotkeys({
    ...(status === "dead" ? { r: () => { requeue.mutate(undefined); } } : {}),
    ...(isEnded(status) ? {} : { c: startCancel }),
  });

  const items: MenuItem[] = [
    { label: "Copy as curl", icon: Copy, run: () => void navigator.clipboard.writeText(asCurl(task)) },
    ...(waits && status !== "pending" ? [{ label: "Edit", icon: Pencil, run: () => { setOpen("edit"); } }] : []),
    ...(status === "dead" ? [{ label: "Submit as a new task", icon: RotateCw, run: () => { submitAgain.mutate(); } }] : []),
    ...(status === "running" ? [] : [{ label: "Delete", icon: Trash2, danger: true, run: () => { removeLater(() => void navigate({ to: "/tasks" })); } }]),
  ];
  return (
    <div className="flex flex-wrap items-center gap-2.5 max-md:w-full md:ml-auto">
      {status === "dead" && (
        <>
          <Button kind="primary" className="max-md:flex-1 md:h-8" onClick={() => { requeue.mutate(undefined); }} aria-busy={requeue.isPending}>
            <RotateCw size={14} aria-hidden />
            Requeue
          </Button>
          <Button className="max-md:flex-1 md:h-8" onClick={() => { setOpen("edit"); }}>
            <Pencil size={14} aria-hidden />
            Edit and requeue
          </Button>
        </>
      )}
      {(status === "scheduled" || status === "retrying") && (
        <Button className="max-md:flex-1 md:h-8" onClick={() => { runNow.mutate(undefined); }}>
          <FastForward size={14} aria-hidden />
          Run now
        </Button>
      )}
      {status === "pending" && (
        <Button className="max-md:flex-1 md:h-8" onClick={() => { setOpen("edit"); }}>
          <Pencil size={14} aria-hidden />
          Edit
        </Button>
      )}
      {(status === "completed" || status === "cancelled") && (
        <Button className="max-md:flex-1 md:h-8" onClick={() => { submitAgain.mutate(); }}>
          <RotateCw size={14} aria-hidden />
          Run again
        </Button>
      )}
      {!isEnded(status) && (
        <Button kind="danger" className="max-md:flex-1 md:h-8" aria-busy={cancel.isPending} onClick={startCancel}>
          <Ban size={14} aria-hidden />
          {status === "running" ? "Cancel…" : "Cancel"}
        </Button>
      )}
      <Menu label="More for this task" items={items} />
      {open === "edit" && <EditTask task={task} onClose={() => { setOpen(null); }} />}
      {open === "cancel" && (
        <Confirm
          title="Cancel this running task"
          consequence="Its worker is told to stop it. What it did until then stays done, and it is not tried again."
          confirm="Cancel task"
          keep="Keep running"
          onConfirm={() => { cancel.mutate(undefined); }}
          onClose={() => { setOpen(null); }}
        />
      )}
    </div>
  );
}

function asCurl(task: Task): string {
  const body = formatJson({ task_type: task.type, queue: task.queue, priority: task.priority, payload: task.payload });
  return codeSample("curl", { origin: window.location.origin, body, needsKey: true });
}

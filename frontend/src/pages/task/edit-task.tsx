import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { SyntheticEvent } from "react";
import { useState } from "react";
import { editTask, requeueTask } from "../../api/operations";
import { describeProblem } from "../../api/problem";
import type { Task } from "../../api/tasks";
import { taskOptions } from "../../api/tasks";
import { taskTypesOptions } from "../../api/task-types";
import { Button } from "../../components/button";
import { Dialog, DialogActions } from "../../components/dialog";
import { TextField } from "../../components/field";
import { JsonEditor, jsonFault } from "../../components/json-editor";
import { formatJson } from "../../lib/json";
import { toasts } from "../../lib/toasts";

/** Changes the payload, and of a waiting task the priority; a dead one is requeued with it. */
export function EditTask({ task, onClose }: { task: Task; onClose: () => void }) {
  const client = useQueryClient();
  const { data: types = [] } = useQuery(taskTypesOptions());
  const before = formatJson(task.payload);
  const isDead = task.status === "dead";
  const [payload, setPayload] = useState(before);
  const [priority, setPriority] = useState(String(task.priority));
  const [fault, setFault] = useState<string | null>(null);
  const save = useMutation({
    mutationFn: () => {
      if (isDead) return requeueTask(task.id, payload);
      const changed = Number(priority) !== task.priority;
      return editTask(task.id, { ...(payload === before ? {} : { payload }), ...(changed || payload === before ? { priority: Number(priority) } : {}) });
    },
    onSuccess: async () => {
      toasts.show({ tone: "green", text: isDead ? `\`${task.type}\` requeued with the new payload` : "The task was changed" });
      onClose();
      await client.invalidateQueries({ queryKey: taskOptions(task.id).queryKey });
      await client.invalidateQueries({ queryKey: ["tasks"] });
      await client.invalidateQueries({ queryKey: ["overview"] });
    },
  });
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    const found = jsonFault(payload, "the payload");
    setFault(found);
    if (found === null) save.mutate();
  };
  const type = types.find((each) => each.name === task.type);
  return (
    <Dialog look="wide" title={isDead ? "Edit and requeue" : "Edit task"} onClose={onClose}>
      <form noValidate onSubmit={submit} className="flex flex-col gap-4">
        <JsonEditor label="Payload" rows={14} value={payload} onText={setPayload} problem={fault} hint={type === undefined ? "Checked while you type." : `Checked while you type, and by the schema of ${task.type} when it is sent.`} />
        {!isDead && <TextField label="Priority" inputMode="numeric" hint="1 to 10, 10 runs first." value={priority} onText={setPriority} frame="max-w-40" />}
        {isDead && <p className="text-12 text-text-2">Attempts start again at 1. Work done before the failure may be done twice.</p>}
        {save.isError && <p role="alert" className="text-red-fg">{describeProblem(save.error)}</p>}
        <DialogActions>
          <Button onClick={onClose}>Leave as it is</Button>
          <Button type="submit" kind="primary" aria-disabled={save.isPending}>{isDead ? "Requeue" : "Save"}</Button>
        </DialogActions>
      </form>
    </Dialog>
  );
}

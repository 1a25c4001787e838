import { useQuery } from "@tanstack/react-query";
import type { SyntheticEvent } from "react";
import { useState } from "react";
import { groupsOptions } from "../../api/dead-letters";
import type { Counts } from "../../api/overview";
import { schedulesOptions } from "../../api/schedules";
import type { TaskFilter } from "../../api/tasks";
import { Button } from "../../components/button";
import { Dialog, DialogActions } from "../../components/dialog";
import { SelectField, TextField } from "../../components/field";
import { isTaskStatus, STATUS, STATUSES } from "../../components/status";
import { formatCount } from "../../lib/format";
import { fromLocal, toLocal } from "../../lib/local-time";
import { fitting, withOnlyOf, withStatus } from "./filters";

const PRIORITIES = [{ value: "", text: "Any priority" }, ...[10, 9, 8, 7, 6, 5, 4, 3, 2, 1].map((each) => ({ value: String(each), text: String(each) }))];

interface FilterDialogProps {
  filter: TaskFilter;
  counts: Counts | null;
  queues: readonly string[];
  types: readonly string[];
  workers: readonly string[];
  onApply: (filter: TaskFilter) => void;
  onClose: () => void;
}

function choices(names: readonly string[], chosen: string | undefined, any: string) {
  const all = new Set(names);
  if (chosen !== undefined) all.add(chosen);
  return [{ value: "", text: any }, ...[...all].sort().map((value) => ({ value, text: value }))];
}

/** The filters that the server answers from an index; no other is offered. */
export function FilterDialog({ filter, counts, queues, types, workers, onApply, onClose }: FilterDialogProps) {
  const [draft, setDraft] = useState(filter);
  const statuses = STATUSES.map((status) => ({
    value: status,
    text: counts === null ? STATUS[status].label : `${STATUS[status].label} ${formatCount(counts[status])}`,
  }));
  const set = (change: Partial<TaskFilter>) => { setDraft(fitting({ ...draft, ...change })); };
  const { data: schedules = [] } = useQuery(schedulesOptions());
  const { data: groups = [] } = useQuery(groupsOptions());
  const known = groups.map(({ fingerprint, count, task }) => ({ value: fingerprint, text: `${task.error?.type ?? "Unknown error"} of ${task.type}, ${formatCount(count)}` }));
  const errors = [
    { value: "", text: "Any error" },
    ...known,
    ...(filter.error === undefined || known.some(({ value }) => value === filter.error) ? [] : [{ value: filter.error, text: filter.error }]),
  ];
  const isEmpty = draft.from !== undefined && draft.until !== undefined && draft.from >= draft.until;
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    if (isEmpty) return;
    onApply(draft);
    onClose();
  };
  return (
    <Dialog look="wide" title="Filter tasks" onClose={onClose}>
      <form onSubmit={submit} className="flex flex-col gap-4">
        <div className="grid grid-cols-1 gap-4 sm:grid-cols-2">
          <SelectField label="Status" value={draft.status ?? ""} options={[{ value: "", text: "Any status" }, ...statuses]} onPick={(value) => { setDraft(withStatus(draft, isTaskStatus(value) ? value : undefined)); }} />
          <SelectField label="Queue" value={draft.queue ?? ""} options={choices(queues, filter.queue, "Any queue")} onPick={(value) => { set({ queue: value || undefined }); }} />
          <SelectField label="Type" mono value={draft.type ?? ""} options={choices(types, filter.type, "Any type")} onPick={(value) => { set({ type: value || undefined }); }} />
          <SelectField label="Schedule" hint="Its last 10 times." mono value={draft.schedule ?? ""} options={choices(schedules.map(({ id }) => id), filter.schedule, "Any or none")} onPick={(value) => { set({ schedule: value || undefined, ...(value ? { key: undefined } : {}) }); }} />
          <SelectField label="Priority" hint="Of pending tasks." value={String(draft.priority ?? "")} options={PRIORITIES} onPick={(value) => { setDraft(withOnlyOf(draft, "priority", value === "" ? undefined : Number(value))); }} />
          <SelectField label="Worker" hint="Of running tasks." mono value={draft.worker ?? ""} options={choices(workers, filter.worker, "Any worker")} onPick={(value) => { setDraft(withOnlyOf(draft, "worker", value || undefined)); }} />
          <SelectField label="Error" hint="Of dead tasks." value={draft.error ?? ""} options={errors} onPick={(value) => { setDraft(withOnlyOf(draft, "error", value || undefined)); }} />
          <TextField label="Key" className="font-mono" disabled={draft.queue === undefined} hint={draft.queue === undefined ? "Choose a queue first." : `Idempotency or unique key in ${draft.queue}.`} value={draft.key ?? ""} maxLength={255} onText={(text) => { set({ key: text || undefined }); }} />
          <TextField label="Submitted from" type="datetime-local" step={1} value={toLocal(draft.from)} onText={(text) => { set({ from: fromLocal(text) }); }} />
          <TextField label="Submitted before" type="datetime-local" step={1} value={toLocal(draft.until)} onText={(text) => { set({ until: fromLocal(text) }); }} problem={isEmpty ? "Nothing can be submitted from a time on and before an earlier one." : null} />
        </div>
        <DialogActions>
          <Button onClick={() => { onApply({}); onClose(); }}>Clear filters</Button>
          <Button type="submit" kind="primary">Show tasks</Button>
        </DialogActions>
      </form>
    </Dialog>
  );
}

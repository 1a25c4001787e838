import type { SyntheticEvent } from "react";
import { useState } from "react";
import type { Counts } from "../../api/overview";
import type { TaskFilter } from "../../api/tasks";
import { Button } from "../../components/button";
import { Dialog, DialogActions } from "../../components/dialog";
import { SelectField, TextField } from "../../components/field";
import { isTaskStatus, STATUS, STATUSES } from "../../components/status";
import { formatCount } from "../../lib/format";
import { fromLocal, toLocal } from "../../lib/local-time";

interface FilterDialogProps {
  filter: TaskFilter;
  counts: Counts | null;
  queues: readonly string[];
  types: readonly string[];
  onApply: (filter: TaskFilter) => void;
  onClose: () => void;
}

function choices(names: readonly string[], chosen: string | undefined, any: string) {
  const all = new Set(names);
  if (chosen !== undefined) all.add(chosen);
  return [{ value: "", text: any }, ...[...all].sort().map((value) => ({ value, text: value }))];
}

/** The filters that the server answers from an index; no other is offered. */
export function FilterDialog({ filter, counts, queues, types, onApply, onClose }: FilterDialogProps) {
  const [draft, setDraft] = useState(filter);
  const statuses = STATUSES.map((status) => ({
    value: status,
    text: counts === null ? STATUS[status].label : `${STATUS[status].label} ${formatCount(counts[status])}`,
  }));
  const isEmpty = draft.from !== undefined && draft.until !== undefined && draft.from >= draft.until;
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    if (isEmpty) return;
    onApply(draft);
    onClose();
  };
  return (
    <Dialog title="Filter tasks" onClose={onClose}>
      <form onSubmit={submit} className="flex flex-col gap-4">
        <SelectField label="Status" value={draft.status ?? ""} options={[{ value: "", text: "Any status" }, ...statuses]} onPick={(value) => { setDraft({ ...draft, status: isTaskStatus(value) ? value : undefined }); }} />
        <SelectField label="Queue" value={draft.queue ?? ""} options={choices(queues, filter.queue, "Any queue")} onPick={(value) => { setDraft({ ...draft, queue: value || undefined }); }} />
        <SelectField label="Type" mono value={draft.type ?? ""} options={choices(types, filter.type, "Any type")} onPick={(value) => { setDraft({ ...draft, type: value || undefined }); }} />
        <div className="grid grid-cols-1 gap-4 sm:grid-cols-2">
          <TextField label="Submitted from" type="datetime-local" step={1} value={toLocal(draft.from)} onText={(text) => { setDraft({ ...draft, from: fromLocal(text) }); }} />
          <TextField label="Submitted before" type="datetime-local" step={1} value={toLocal(draft.until)} onText={(text) => { setDraft({ ...draft, until: fromLocal(text) }); }} problem={isEmpty ? "Nothing can be submitted from a time on and before an earlier one." : null} />
        </div>
        <DialogActions>
          <Button onClick={() => { onApply({}); onClose(); }}>Clear filters</Button>
          <Button type="submit" kind="primary">Show tasks</Button>
        </DialogActions>
      </form>
    </Dialog>
  );
}

import { useNavigate } from "@tanstack/react-router";
import { X } from "lucide-react";
import type { Counts } from "../../api/overview";
import type { TaskFilter } from "../../api/tasks";
import { Button } from "../../components/button";
import { Select } from "../../components/select";
import { isTaskStatus, STATUS, STATUSES } from "../../components/status";
import { formatCount } from "../../lib/format";

interface FilterBarProps {
  filter: TaskFilter;
  counts: Counts | null;
  queues: readonly string[];
  types: readonly string[];
  /** On phones the status is a select here, instead of tabs. */
  phone: boolean;
  summary: string;
}

/** The values to choose from, with the chosen one even when the server no longer names it. */
function choices(names: readonly string[], chosen: string | undefined, any: string) {
  const all = new Set(names);
  if (chosen !== undefined) all.add(chosen);
  return [{ value: "", text: any }, ...[...all].sort().map((value) => ({ value, text: value }))];
}

export function FilterBar({ filter, counts, queues, types, phone, summary }: FilterBarProps) {
  const navigate = useNavigate();
  const change = (part: TaskFilter) => void navigate({ to: "/tasks", search: { ...filter, ...part }, replace: true });
  const statuses = STATUSES.map((status) => ({
    value: status,
    text: counts === null ? STATUS[status].label : `${STATUS[status].label} ${formatCount(counts[status])}`,
  }));
  return (
    <div className="flex flex-wrap items-center gap-2 border-b border-border px-4 py-2.5 max-md:grid max-md:grid-cols-3">
      {phone && (
        <Select
          bare
          label="Status"
          value={filter.status ?? ""}
          options={[{ value: "", text: "Any status" }, ...statuses]}
          onPick={(status) => { change({ status: isTaskStatus(status) ? status : undefined }); }}
        />
      )}
      <Select label="Queue" bare={phone} value={filter.queue ?? ""} options={choices(queues, filter.queue, phone ? "Any queue" : "any")} onPick={(queue) => { change({ queue: queue || undefined }); }} />
      <Select label="Type" bare={phone} value={filter.type ?? ""} options={choices(types, filter.type, phone ? "Any type" : "any")} onPick={(type) => { change({ type: type || undefined }); }} />
      {(filter.queue ?? filter.type) !== undefined && (
        <Button kind="quiet" className="max-md:col-span-3" onClick={() => { change({ queue: undefined, type: undefined }); }}>
          <X size={14} aria-hidden />
          Clear filters
        </Button>
      )}
      <p className="ml-auto text-12 text-text-2 max-md:hidden">{summary}</p>
    </div>
  );
}

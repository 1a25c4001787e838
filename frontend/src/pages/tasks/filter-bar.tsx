import { useNavigate } from "@tanstack/react-router";
import { ListFilter } from "lucide-react";
import { useState } from "react";
import type { ErrorGroup } from "../../api/dead-letters";
import type { Counts } from "../../api/overview";
import type { TaskFilter } from "../../api/tasks";
import { Button } from "../../components/button";
import { Chip } from "../../components/chip";
import { CopyButton } from "../../components/copy-button";
import { Kbd } from "../../components/kbd";
import { StatusBadge } from "../../components/status-badge";
import { useHotkeys } from "../../hooks/use-hotkeys";
import { formatCount } from "../../lib/format";
import { formatMoment } from "../../lib/time";
import { FilterDialog } from "./filter-dialog";
import { fitting } from "./filters";

interface FilterBarProps {
  filter: TaskFilter;
  counts: Counts | null;
  queues: readonly string[];
  types: readonly string[];
  workers: readonly string[];
  /** Of the error that is asked for. */
  group: ErrorGroup | undefined;
  /** On phones the status is a chip here, instead of tabs. */
  phone: boolean;
  summary: string;
}

/** The filters in force as chips, and the way to more. */
export function FilterBar({ filter, counts, queues, types, workers, group, phone, summary }: FilterBarProps) {
  const navigate = useNavigate();
  const [isOpen, setOpen] = useState(false);
  useHotkeys({ f: (event) => { event.preventDefault(); setOpen(true); } });
  const apply = (search: TaskFilter) => void navigate({ to: "/tasks", search });
  const { status, queue, type, from, until, priority, worker, error, schedule, key } = filter;
  const without = (name: keyof TaskFilter) => () => { apply(fitting({ ...filter, [name]: undefined })); };
  const mono = (text: string) => <span className="truncate font-mono">{text}</span>;
  return (
    <div className="flex min-h-12 flex-wrap items-center gap-2 border-b border-border px-4 py-2.5">
      <Button aria-haspopup="dialog" onClick={() => { setOpen(true); }}>
        <ListFilter size={14} aria-hidden />
        Filter
        <Kbd keys="F" className="max-md:hidden" />
      </Button>
      {phone && status !== undefined && (
        <Chip field="Status" value={<span className="flex gap-2"><StatusBadge status={status} />{counts !== null && formatCount(counts[status])}</span>} onRemove={without("status")} />
      )}
      {queue !== undefined && <Chip field="Queue" value={queue} onRemove={without("queue")} />}
      {type !== undefined && <Chip field="Type" value={mono(type)} onRemove={without("type")} />}
      {priority !== undefined && <Chip field="Priority" value={phone ? `Priority ${priority}` : priority} onRemove={without("priority")} />}
      {worker !== undefined && <Chip field="Worker" value={mono(worker)} onRemove={without("worker")} />}
      {error !== undefined && <Chip field="Error" value={group?.task.error?.type ?? mono(error)} onRemove={without("error")} />}
      {schedule !== undefined && <Chip field="Schedule" value={mono(schedule)} onRemove={without("schedule")} />}
      {key !== undefined && <Chip field="Key" value={mono(key)} onRemove={without("key")} />}
      {from !== undefined && <Chip field="Submitted" operator="from" value={`${phone ? "from " : ""}${formatMoment(new Date(from))}`} onRemove={without("from")} />}
      {until !== undefined && <Chip field="Submitted" operator="before" value={`${phone ? "before " : ""}${formatMoment(new Date(until))}`} onRemove={without("until")} />}
      <p className="ml-auto text-12 text-text-2 max-md:hidden">{summary}</p>
      <CopyButton name="link" words="Copy link" text={() => window.location.href} className="max-md:hidden" />
      {isOpen && <FilterDialog filter={filter} counts={counts} queues={queues} types={types} workers={workers} onApply={apply} onClose={() => { setOpen(false); }} />}
    </div>
  );
}

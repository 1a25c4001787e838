import { Link } from "@tanstack/react-router";
import { List } from "lucide-react";
import type { Counts } from "../../api/overview";
import type { TaskFilter } from "../../api/tasks";
import { STATUS, STATUSES } from "../../components/status";
import { formatCount } from "../../lib/format";
import { withStatus } from "./filters";

interface StatusTabsProps {
  filter: TaskFilter;
  /** Unknown until the overview is read, or where a filter makes counting costly. */
  counts: Counts | null;
}

/** The router marks the tab whose whole filter is the address's. */
const EXACT = { exact: true, includeSearch: true } as const;
const TAB =
  "flex h-9.5 items-center gap-1.5 border-b-2 border-transparent px-2.5 font-medium whitespace-nowrap text-text-2 hover:text-text " +
  "aria-[current=page]:border-accent aria-[current=page]:text-text";

/** One link a status: the status is part of the address. */
export function StatusTabs({ filter, counts }: StatusTabsProps) {
  return (
    <nav aria-label="Status" className="flex flex-wrap border-b border-border px-2">
      <Link to="/tasks" search={withStatus(filter, undefined)} activeOptions={EXACT} className={TAB}>
        <List size={14} aria-hidden />
        All
      </Link>
      {STATUSES.map((status) => {
        const { label, icon: Icon } = STATUS[status];
        return (
          <Link key={status} to="/tasks" search={withStatus(filter, status)} activeOptions={EXACT} className={TAB}>
            <Icon size={14} aria-hidden className="max-xl:hidden" />
            {label}
            {counts !== null && <span className="font-normal text-text-3">{formatCount(counts[status])}</span>}
          </Link>
        );
      })}
    </nav>
  );
}

import { Link, useNavigate } from "@tanstack/react-router";
import { ArrowDown } from "lucide-react";
import type { MouseEvent, ReactNode, RefObject } from "react";
import type { Task } from "../../api/tasks";
import { CopyButton } from "../../components/copy-button";
import { StatusBadge } from "../../components/status-badge";
import { noteOf, TaskNote } from "../../components/task-note";
import { TimeText } from "../../components/time-text";
import { useNow } from "../../hooks/use-now";
import { useVirtualRows } from "../../hooks/use-virtual-rows";
import { formatCount, joinClasses, shortId } from "../../lib/format";
import { changedAt, ranMs, waitedMs } from "../../lib/task-times";
import { formatDuration } from "../../lib/time";

const ROW_HEIGHT = 36;
const LONG_WAIT_MS = 60_000;

/** Columns in order; on narrower screens worker, waited, ran and priority leave, in that order. */
const COLUMNS = [
  { name: "Status", className: "w-30 pl-4" },
  { name: "Type", className: "w-30" },
  { name: "Task", className: "w-42" },
  { name: "Note", className: "" },
  { name: "Queue", className: "w-23" },
  { name: "Priority", className: "w-16 text-right max-[820px]:hidden" },
  { name: "Attempt", className: "w-17 text-right" },
  { name: "Waited", className: "w-21 text-right max-[1100px]:hidden" },
  { name: "Ran", className: "w-22 text-right max-[960px]:hidden" },
  { name: "Worker", className: "w-26 pl-4 max-[1279px]:hidden" },
  { name: "Changed", className: "w-24 pr-4 text-right" },
] as const;
/** A cell may span no more, or hidden columns would come back as blank ones. */
const ALWAYS_SHOWN = COLUMNS.filter(({ className }) => !className.includes("hidden")).length;

interface TaskTableProps {
  rows: readonly Task[];
  pausedQueues: ReadonlySet<string>;
  scrollBox: RefObject<HTMLElement | null>;
  hasMore: boolean;
  /** The newest change comes first. */
  newestFirst: boolean;
}

export function TaskTable({ rows, pausedQueues, scrollBox, hasMore, newestFirst }: TaskTableProps) {
  const { start, end, before, after } = useVirtualRows(scrollBox, rows.length, ROW_HEIGHT);
  return (
    <table className="w-full table-fixed border-separate border-spacing-0" aria-rowcount={hasMore ? -1 : rows.length + 1}>
      <thead>
        <tr aria-rowindex={1}>
          {COLUMNS.map(({ name, className }) => (
            <th
              key={name}
              scope="col"
              aria-sort={newestFirst && name === "Changed" ? "descending" : undefined}
              className={joinClasses(
                "sticky top-0 z-10 h-9 border-b border-border bg-surface px-2 text-left text-12 font-medium text-text-2",
                className,
              )}
            >
              {name}
              {newestFirst && name === "Changed" && <ArrowDown size={12} aria-hidden className="ml-1 inline" />}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        <Gap height={before} />
        {rows.slice(start, end).map((task, index) => (
          <TaskRow key={task.id} task={task} rowIndex={start + index + 2} paused={pausedQueues.has(task.queue)} />
        ))}
        <Gap height={after} />
      </tbody>
    </table>
  );
}

function Gap({ height }: { height: number }) {
  if (height <= 0) return null;
  return (
    <tr aria-hidden>
      <td colSpan={ALWAYS_SHOWN} style={{ height }} />
    </tr>
  );
}

function Span({ ms }: { ms: number | null }) {
  return ms === null ? <span className="text-text-3">–</span> : <>{formatDuration(ms)}</>;
}

function TaskRow({ task, rowIndex, paused }: { task: Task; rowIndex: number; paused: boolean }) {
  const now = useNow();
  const navigate = useNavigate();
  const open = (event: MouseEvent) => {
    const inLink = event.target instanceof Element && event.target.closest("a, button") !== null;
    if (inLink || window.getSelection()?.type === "Range") return;
    void navigate({ to: "/tasks/$taskId", params: { taskId: task.id } });
  };
  const waited = waitedMs(task, now);
  const overdue = task.status === "pending" && waited !== null && waited > LONG_WAIT_MS;
  const cells: Record<(typeof COLUMNS)[number]["name"], ReactNode> = {
    Status: <StatusBadge status={task.status} />,
    Type: <span className="font-mono" title={task.type}>{task.type}</span>,
    Task: (
      <span className="flex items-center gap-1">
        <Link
          to="/tasks/$taskId"
          params={{ taskId: task.id }}
          aria-label={`Task ${task.id}`}
          title={task.id}
          className="font-mono text-text-2 hover:text-accent hover:underline"
        >
          {shortId(task.id)}
        </Link>
        <CopyButton text={task.id} name="id" className="opacity-0 group-hover:opacity-100 focus-visible:opacity-100" />
      </span>
    ),
    Note: <span className="text-text-2"><TaskNote note={noteOf(task, paused, now)} /></span>,
    Queue: <span title={task.queue}>{task.queue}</span>,
    Priority: formatCount(task.priority),
    Attempt: `${task.attempt}/${task.maxRetries + 1}`,
    Waited: <span className={overdue ? "font-medium text-amber-fg" : "text-text-2"}><Span ms={waited} /></span>,
    Ran: <span className="text-text-2"><Span ms={ranMs(task, now)} /></span>,
    Worker: <span className="font-mono text-text-2" title={task.worker ?? undefined}>{task.worker ?? "–"}</span>,
    Changed: <TimeText at={changedAt(task)} className="text-text-2" />,
  };
  return (
    <tr aria-rowindex={rowIndex} onClick={open} className="group h-9 cursor-pointer hover:bg-surface-2">
      {COLUMNS.map(({ name, className }) => (
        <td key={name} className={joinClasses("truncate border-b border-border px-2", className)}>
          {cells[name]}
        </td>
      ))}
    </tr>
  );
}

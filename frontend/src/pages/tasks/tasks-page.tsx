import { useQuery } from "@tanstack/react-query";
import { Link, useSearch } from "@tanstack/react-router";
import { Plus } from "lucide-react";
import { useMemo, useRef, useState } from "react";
import { overviewOptions } from "../../api/overview";
import type { TaskStatus } from "../../api/tasks";
import { buttonClass } from "../../components/button";
import { isEnded } from "../../components/status";
import { joinClasses } from "../../lib/format";
import { PHONE, useMedia } from "../../hooks/use-media";
import { PageFrame } from "../shell/page-frame";
import { useIdentity } from "../shell/use-identity";
import { FilterBar } from "./filter-bar";
import { StatusTabs } from "./status-tabs";
import { TaskList } from "./task-list";

/** In which order the server lists. */
function orderOf(status: TaskStatus | undefined): string {
  if (status === undefined) return "running, then pending, then due, then ended";
  if (status === "pending") return "in order of service";
  if (status === "scheduled" || status === "retrying") return "next due first";
  return isEnded(status) ? "newest first" : "";
}

export function TasksPage() {
  const filter = useSearch({ from: "/tasks" });
  const phone = useMedia(PHONE);
  const { data: overview } = useQuery(overviewOptions());
  const { mayAct } = useIdentity();
  const [held, setHeld] = useState(0);
  const box = useRef<HTMLDivElement>(null);
  const filterKey = JSON.stringify([filter.status, filter.queue, filter.type, filter.from, filter.until]);

  const queues = useMemo(() => overview?.queues.map((queue) => queue.name) ?? [], [overview]);
  const types = useMemo(() => [...new Set(overview?.workers.flatMap((worker) => worker.types))], [overview]);
  const hasUncounted = filter.type !== undefined || filter.from !== undefined || filter.until !== undefined;
  const counts = useMemo(() => {
    if (overview === undefined || hasUncounted) return null;
    if (filter.queue === undefined) return overview.counts;
    return overview.queues.find((queue) => queue.name === filter.queue)?.counts ?? null;
  }, [overview, filter.queue, hasUncounted]);

  return (
    <PageFrame
      title="Tasks"
      fill
      held={held}
      tools={mayAct && <Link to="/submit" className={buttonClass("primary", "max-md:hidden md:h-8")}><Plus size={14} aria-hidden />Submit a task</Link>}
    >
      <section
        aria-label="Tasks"
        className={joinClasses(
          "relative flex min-h-0 flex-1 flex-col overflow-hidden bg-surface",
          "md:rounded-lg md:border md:border-border md:shadow-1",
        )}
      >
        {!phone && <StatusTabs filter={filter} counts={counts} />}
        <FilterBar filter={filter} counts={counts} queues={queues} types={types} phone={phone} summary={orderOf(filter.status)} />
        <TaskList key={filterKey} filter={filter} overview={overview} phone={phone} box={box} mayAct={mayAct} counts={counts} onHeld={setHeld} />
      </section>
    </PageFrame>
  );
}

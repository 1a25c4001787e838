import { useQuery } from "@tanstack/react-query";
import { Link, useSearch } from "@tanstack/react-router";
import { Plus } from "lucide-react";
import { useMemo, useRef, useState } from "react";
import { groupsOptions } from "../../api/dead-letters";
import { overviewOptions } from "../../api/overview";
import { buttonClass } from "../../components/button";
import { STATUSES } from "../../components/status";
import { joinClasses } from "../../lib/format";
import { PHONE, useMedia } from "../../hooks/use-media";
import { PageFrame } from "../shell/page-frame";
import { useIdentity } from "../shell/use-identity";
import { FilterBar } from "./filter-bar";
import { isCounted, summaryOf, wholeGroup } from "./filters";
import { StatusTabs } from "./status-tabs";
import { TaskList } from "./task-list";

export function TasksPage() {
  const filter = useSearch({ from: "/tasks" });
  const phone = useMedia(PHONE);
  const { data: overview } = useQuery(overviewOptions());
  const { mayAct } = useIdentity();
  const [held, setHeld] = useState(0);
  const box = useRef<HTMLDivElement>(null);
  const filterKey = JSON.stringify(filter);

  const queues = useMemo(() => overview?.queues.map((queue) => queue.name) ?? [], [overview]);
  const types = useMemo(() => [...new Set(overview?.workers.flatMap((worker) => worker.types))], [overview]);
  const workers = useMemo(() => overview?.workers.map((worker) => worker.name) ?? [], [overview]);
  const { data: groups } = useQuery({ ...groupsOptions(), enabled: filter.error !== undefined });
  const group = groups?.find((each) => each.fingerprint === filter.error);
  const hasCounts = isCounted(filter);
  const counts = useMemo(() => {
    if (overview === undefined || !hasCounts) return null;
    if (filter.queue === undefined) return overview.counts;
    return overview.queues.find((queue) => queue.name === filter.queue)?.counts ?? null;
  }, [overview, filter.queue, hasCounts]);

  const groupCount = wholeGroup(filter) === undefined ? null : (group?.count ?? null);
  const count = groupCount ?? (counts === null ? null : filter.status === undefined ? STATUSES.reduce((sum, status) => sum + counts[status], 0) : counts[filter.status]);

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
        <FilterBar filter={filter} counts={counts} queues={queues} types={types} workers={workers} group={group} phone={phone} summary={summaryOf(filter, count)} />
        <TaskList key={filterKey} filter={filter} overview={overview} phone={phone} box={box} mayAct={mayAct} counts={counts} groupCount={groupCount} onHeld={setHeld} />
      </section>
    </PageFrame>
  );
}

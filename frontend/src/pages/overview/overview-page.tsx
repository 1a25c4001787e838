import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { costOptions } from "../../api/cost";
import { assessHealth } from "../../api/health";
import type { Overview } from "../../api/overview";
import { overviewOptions } from "../../api/overview";
import { schedulesOptions } from "../../api/schedules";
import { paceOf, statsOptions } from "../../api/stats";
import { Card } from "../../components/card";
import { ErrorMessage } from "../../components/message";
import { Segmented } from "../../components/segmented";
import { SkeletonBlock, SkeletonRows } from "../../components/skeleton";
import { STATUSES } from "../../components/status";
import { useNow } from "../../hooks/use-now";
import { toServerTime } from "../../lib/clock";
import { useLive } from "../../live/live";
import { PageFrame } from "../shell/page-frame";
import { useIdentity } from "../shell/use-identity";
import { CostCard } from "./cost-card";
import { FailuresCard } from "./failures-card";
import { Figures } from "./figures";
import { FirstRun } from "./first-run";
import { HealthCard } from "./health-card";
import { PrioritiesCard } from "./priorities-card";
import { QueuesCard } from "./queues-card";
import { ThroughputCard, WaitCard } from "./series-cards";
import { useFailures } from "./use-failures";
import { useMarkers } from "./use-markers";
import { WorkersCard } from "./workers-card";

export function OverviewPage() {
  const { nextTryAt, readNow } = useLive();
  const overview = useQuery(overviewOptions());
  if (overview.data !== undefined) return <Known overview={overview.data} readAt={overview.dataUpdatedAt} />;
  return (
    <PageFrame title="Overview">
      {overview.isError ? (
        <Card>
          <ErrorMessage what="The overview" error={overview.error} nextTryAt={nextTryAt} onRetry={readNow} />
        </Card>
      ) : (
        <div className="flex flex-col gap-3 md:gap-4">
          <Card className="h-20.5"><SkeletonBlock what="health" className="" /></Card>
          <Card className="h-25"><SkeletonBlock what="figures" className="" /></Card>
          <Card><SkeletonRows rows={6} what="queues" /></Card>
        </div>
      )}
    </PageFrame>
  );
}

function Known({ overview, readAt }: { overview: Overview; readAt: number }) {
  const { range = "1h" } = useSearch({ from: "/" });
  const navigate = useNavigate();
  const { mayAct } = useIdentity();
  const { lastGoodAt, nextTryAt, readNow } = useLive();
  const now = useNow();
  const asOf = Math.min(now, toServerTime(readAt));
  const hasDead = overview.counts.dead > 0;
  const failures = useFailures(overview.counts.dead);
  const { data: groups = [] } = failures;
  const { data: schedules = [] } = useQuery(schedulesOptions());
  const { data: stats = null } = useQuery(statsOptions(range));
  const { data: lastHour = null } = useQuery(statsOptions("1h"));
  const { data: cost = null } = useQuery(costOptions());
  const health = assessHealth({
    overview,
    now: asOf,
    groups: hasDead ? groups : [],
    schedules,
    cost: cost === null ? null : { budget: cost.budget.calls, spent: cost.month_to_date, forecast: cost.forecast },
    pace: lastHour === null ? null : paceOf(lastHour),
  });
  const markers = useMarkers(overview);
  const isNew = STATUSES.every((status) => overview.counts[status] === 0);
  const ranges = stats !== null && (
    <Segmented
      label="Range"
      value={range}
      onPick={(next) => void navigate({ to: "/", search: next === "1h" ? {} : { range: next }, replace: true })}
      options={[{ value: "1h", text: "1 h" }, { value: "24h", text: "24 h" }, { value: "7d", text: "7 d" }]}
      className="max-md:hidden"
    />
  );
  return (
    <PageFrame title="Overview" needs={health.needs.length} tools={ranges}>
      <div className="flex flex-col gap-3 md:gap-4">
        <HealthCard health={health} checkedAt={lastGoodAt} mayAct={mayAct} />
        {isNew ? (
          <Card><FirstRun workers={overview.workers} mayAct={mayAct} /></Card>
        ) : (
          <>
            <Figures overview={overview} stats={stats} now={now} />
            <div className="grid gap-3 max-xl:items-start md:gap-4 xl:grid-cols-[2fr_1fr]">
              {stats === null ? <QueuesCard queues={overview.queues} /> : <ThroughputCard stats={stats} markers={markers} />}
              {stats === null ? <WorkersCard workers={overview.workers} now={asOf} running={overview.counts.running} /> : <PrioritiesCard queues={overview.queues} now={now} />}
            </div>
            {stats !== null && (
              <div className="grid items-stretch gap-3 md:gap-4 lg:grid-cols-2 xl:grid-cols-3">
                <WaitCard stats={stats} />
                <WorkersCard workers={overview.workers} now={asOf} running={overview.counts.running} />
                {cost !== null && <CostCard cost={cost} />}
              </div>
            )}
            {hasDead && (failures.data === undefined && failures.isError ? <Card title="Failures"><ErrorMessage what="Failures" error={failures.error} nextTryAt={nextTryAt} onRetry={readNow} /></Card> : <FailuresCard groups={groups} />)}
          </>
        )}
      </div>
    </PageFrame>
  );
}

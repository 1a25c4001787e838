import { useQuery } from "@tanstack/react-query";
import { assessHealth } from "../../api/health";
import { overviewOptions } from "../../api/overview";
import { firstPageOptions } from "../../api/tasks";
import { Card } from "../../components/card";
import { ErrorMessage } from "../../components/message";
import { SkeletonBlock, SkeletonRows } from "../../components/skeleton";
import { STATUSES } from "../../components/status";
import { useNow } from "../../hooks/use-now";
import { useLive } from "../../live/live";
import { PageFrame } from "../shell/page-frame";
import { Figures } from "./figures";
import { FirstRun } from "./first-run";
import { HealthCard } from "./health-card";
import { QueuesCard } from "./queues-card";
import { WorkersCard } from "./workers-card";

const RECENT_DEAD = 50;

export function OverviewPage() {
  const { nextTryAt, readNow, lastGoodAt } = useLive();
  const now = useNow();
  const overview = useQuery(overviewOptions());
  const hasDead = (overview.data?.counts.dead ?? 0) > 0;
  const dead = useQuery({ ...firstPageOptions({ status: "dead" }, RECENT_DEAD), enabled: hasDead });

  if (overview.data === undefined)
    return (
      <PageFrame title="Overview">
        {overview.isError ? (
          <Card>
            <ErrorMessage what="The overview" error={overview.error} nextTryAt={nextTryAt} onRetry={readNow} />
          </Card>
        ) : (
          <div className="flex flex-col gap-4">
            <Card className="h-20.5"><SkeletonBlock what="health" className="" /></Card>
            <Card className="h-25"><SkeletonBlock what="figures" className="" /></Card>
            <Card><SkeletonRows rows={4} what="queues" /></Card>
          </div>
        )}
      </PageFrame>
    );

  const { counts, queues, workers } = overview.data;
  const deadPage = hasDead ? dead.data : undefined;
  const health = assessHealth({
    overview: overview.data,
    now,
    dead: { tasks: deadPage?.tasks ?? [], more: deadPage?.nextCursor != null },
  });
  const isNew = STATUSES.every((status) => counts[status] === 0);
  return (
    <PageFrame title="Overview" needs={health.needs.length}>
      <div className="flex flex-col gap-3 md:gap-4">
        <HealthCard health={health} checkedAt={lastGoodAt} />
        {isNew ? (
          <Card><FirstRun workers={workers.length} /></Card>
        ) : (
          <>
            <Figures overview={overview.data} now={now} />
            <div className="grid items-start gap-3 md:gap-4 xl:grid-cols-[2fr_1fr]">
              <QueuesCard queues={queues} />
              <WorkersCard workers={workers} now={now} running={counts.running} />
            </div>
          </>
        )}
      </div>
    </PageFrame>
  );
}

import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { Server } from "lucide-react";
import { isHealthy } from "../../api/health-needs";
import { overviewOptions } from "../../api/overview";
import { statsOptions } from "../../api/stats";
import { firstPageOptions } from "../../api/tasks";
import { Card } from "../../components/card";
import { CopyButton } from "../../components/copy-button";
import { ErrorMessage, Message } from "../../components/message";
import { SkeletonRows } from "../../components/skeleton";
import { useNow } from "../../hooks/use-now";
import { toServerTime } from "../../lib/clock";
import { START_COMMAND } from "../../lib/start-command";
import { useLive } from "../../live/live";
import { PageFrame } from "../shell/page-frame";
import { useIdentity } from "../shell/use-identity";
import { LostWorkers } from "./lost-workers";
import { RunningTasks } from "./running-tasks";
import { SlotsCard } from "./slots-card";
import { WorkerTable } from "./worker-table";

export function WorkersPage() {
  const { worker: chosen } = useSearch({ from: "/workers" });
  const navigate = useNavigate();
  const { mayAct } = useIdentity();
  const { nextTryAt, readNow } = useLive();
  const { data: overview, dataUpdatedAt, isError, error } = useQuery(overviewOptions());
  const asOf = Math.min(useNow(), toServerTime(dataUpdatedAt));
  const { data: stats = null } = useQuery(statsOptions("1h"));
  const { data: running } = useQuery({ ...firstPageOptions({ status: "running" }), enabled: (overview?.counts.running ?? 0) > 0 });
  if (overview === undefined)
    return (
      <PageFrame title="Workers">
        <Card>{isError ? <ErrorMessage what="Workers" error={error} nextTryAt={nextTryAt} onRetry={readNow} /> : <SkeletonRows rows={4} what="workers" />}</Card>
      </PageFrame>
    );
  const { workers, counts } = overview;
  const shown = workers.find((worker) => worker.name === chosen) ?? workers[0];
  const slots = workers.filter((worker) => isHealthy(worker, asOf)).reduce((sum, worker) => sum + worker.slots, 0);
  const page = counts.running > 0 ? running : { tasks: [], nextCursor: null };
  return (
    <PageFrame title="Workers">
      <div className="flex flex-col gap-3 md:gap-4">
        <LostWorkers lost={workers.filter((worker) => !isHealthy(worker, asOf))} now={asOf} />
        <Card>
          {workers.length === 0 ? (
            <Message icon={Server} title="No worker is running">
              <p>Tasks wait safely until one starts.</p>
              <p className="mt-3 flex items-center justify-center gap-2">
                <code className="rounded-md border border-border bg-code-bg px-2 py-1">{START_COMMAND}</code>
                <CopyButton name="command" text={START_COMMAND} />
              </p>
            </Message>
          ) : (
            <WorkerTable
              workers={workers}
              running={page}
              asOf={asOf}
              chosen={shown?.name}
              mayAct={mayAct}
              onChoose={(worker) => void navigate({ to: "/workers", search: { worker }, replace: true })}
            />
          )}
        </Card>
        {shown && (
          <div className="grid items-start gap-3 md:gap-4 xl:grid-cols-[2fr_1fr]">
            <RunningTasks worker={shown} running={page} />
            {stats !== null && <SlotsCard stats={stats} running={counts.running} slots={slots} />}
          </div>
        )}
      </div>
    </PageFrame>
  );
}

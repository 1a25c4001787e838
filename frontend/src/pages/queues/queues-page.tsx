import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { Layers } from "lucide-react";
import { useState } from "react";
import { overviewOptions } from "../../api/overview";
import { queueStatsOptions } from "../../api/stats";
import { Card } from "../../components/card";
import { ErrorMessage, Message } from "../../components/message";
import { SkeletonRows } from "../../components/skeleton";
import { PauseDialog } from "../../components/pause-dialog";
import { useLive } from "../../live/live";
import { PageFrame } from "../shell/page-frame";
import { useIdentity } from "../shell/use-identity";
import { QueueDetail } from "./queue-detail";
import { QueueTable } from "./queue-table";

export function QueuesPage() {
  const { queue: chosen } = useSearch({ from: "/queues" });
  const navigate = useNavigate();
  const { mayAct } = useIdentity();
  const { nextTryAt, readNow } = useLive();
  const { data: overview, isError, error } = useQuery(overviewOptions());
  const { data: stats = null } = useQuery(queueStatsOptions());
  const [pausing, setPausing] = useState<string | null>(null);
  if (overview === undefined)
    return (
      <PageFrame title="Queues">
        <Card>{isError ? <ErrorMessage what="Queues" error={error} nextTryAt={nextTryAt} onRetry={readNow} /> : <SkeletonRows rows={6} what="queues" />}</Card>
      </PageFrame>
    );
  const shown = overview.queues.find((queue) => queue.name === chosen) ?? overview.queues.find((queue) => queue.paused) ?? overview.queues[0];
  return (
    <PageFrame title="Queues">
      <div className="flex flex-col gap-3 md:gap-4">
        <Card>
          {overview.queues.length === 0 ? (
            <Message icon={Layers} title="No queue yet">A queue appears with its first task.</Message>
          ) : (
            <QueueTable
              queues={overview.queues}
              stats={stats}
              chosen={shown?.name}
              mayAct={mayAct}
              onChoose={(queue) => void navigate({ to: "/queues", search: { queue }, replace: true })}
              onPause={setPausing}
            />
          )}
        </Card>
        {shown && <QueueDetail key={shown.name} queue={shown} stats={stats} workers={overview.workers} mayAct={mayAct} />}
      </div>
      {pausing !== null && <PauseDialog name={pausing} onClose={() => { setPausing(null); }} />}
    </PageFrame>
  );
}

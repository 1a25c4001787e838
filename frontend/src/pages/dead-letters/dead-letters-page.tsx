import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { Inbox } from "lucide-react";
import { groupsOptions } from "../../api/dead-letters";
import { keptMs, limitsInForceOptions } from "../../api/administration";
import { overviewOptions } from "../../api/overview";
import { Card } from "../../components/card";
import { ErrorMessage, Message } from "../../components/message";
import { Segmented } from "../../components/segmented";
import { SkeletonRows } from "../../components/skeleton";
import { formatCount, plural } from "../../lib/format";
import { useLive } from "../../live/live";
import { PageFrame } from "../shell/page-frame";
import { useIdentity } from "../shell/use-identity";
import { nothingGaveUp } from "../tasks/no-tasks";
import { GroupTable } from "./group-table";
import { TypeTable } from "./type-table";

export function DeadLettersPage() {
  const { group, by } = useSearch({ from: "/dead-letters" });
  const navigate = useNavigate();
  const { mayAct } = useIdentity();
  const { nextTryAt, readNow } = useLive();
  const { data: overview } = useQuery(overviewOptions());
  const groups = useQuery(groupsOptions());
  const { data: limits } = useQuery(limitsInForceOptions());
  const kept = keptMs(limits, "dead");

  if (groups.data === undefined)
    return (
      <PageFrame title="Dead letters">
        <Card>
          {groups.isError ? (
            <ErrorMessage what="Dead letters" error={groups.error} nextTryAt={nextTryAt} onRetry={readNow} />
          ) : (
            <SkeletonRows rows={6} what="dead letters" />
          )}
        </Card>
      </PageFrame>
    );
  const total = groups.data.reduce((sum, each) => sum + each.count, 0);
  const dead = Math.max(total, overview?.counts.dead ?? 0);
  const show = (value: "error" | "type" | "all") => {
    if (value === "all") void navigate({ to: "/tasks", search: { status: "dead" } });
    else void navigate({ to: "/dead-letters", search: value === "type" ? { by: "type" } : {}, replace: true });
  };
  return (
    <PageFrame title="Dead letters">
      <Card>
        {groups.data.length === 0 ? (
          <Message icon={Inbox} title={nothingGaveUp(kept)}>
            A task comes here when its retries are used up, or when its handler rejects it. It stays until it is requeued, deleted, or past its retention.
          </Message>
        ) : (
          <>
            <div className="flex min-h-13 flex-wrap items-center gap-x-3 gap-y-2 px-4 py-2">
              <h2 className="text-15 font-semibold">
                {plural(dead, "task")} gave up, for {plural(groups.data.length, "reason")}
              </h2>
              {kept !== null && <span className="text-12 text-text-2">kept {plural(Math.round(kept / 86_400_000), "day")}</span>}
              {total < dead && <span className="text-12 text-text-2">{formatCount(dead - total)} in further groups</span>}
              <Segmented
                label="Show"
                value={by === "type" ? "type" : "error"}
                className="ml-auto"
                onPick={show}
                options={[
                  { value: "error", text: "By error" },
                  { value: "type", text: "By type" },
                  { value: "all", text: "All tasks" },
                ]}
              />
            </div>
            {by === "type" ? (
              <TypeTable groups={groups.data} />
            ) : (
              <GroupTable
                groups={groups.data}
                open={group}
                dead={dead}
                mayAct={mayAct}
                onOpen={(fingerprint) => void navigate({ to: "/dead-letters", search: fingerprint === null ? {} : { group: fingerprint }, replace: true })}
              />
            )}
          </>
        )}
      </Card>
      <p className="mt-3 px-1 text-12 text-text-2">
        Errors are the same when type, exception and the last frame of your code agree; numbers, ids and paths in messages are ignored.
      </p>
    </PageFrame>
  );
}

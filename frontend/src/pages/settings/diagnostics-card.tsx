import { useQuery } from "@tanstack/react-query";
import { redisCallsOf } from "../../api/client";
import { overviewOptions } from "../../api/overview";
import { readinessOptions } from "../../api/readiness";
import { Card } from "../../components/card";
import { CopyButton } from "../../components/copy-button";
import { useLocalNow } from "../../hooks/use-now";
import { toServerTime } from "../../lib/clock";
import { plural } from "../../lib/format";
import { formatDuration } from "../../lib/time";
import { useLive } from "../../live/live";

/** What helps someone who is asked for help: versions, how fast Redis answers, how the page stays fresh. */
export function DiagnosticsCard() {
  const { data: overview } = useQuery(overviewOptions());
  const { data: ready, isError } = useQuery(readinessOptions());
  const live = useLive();
  const now = useLocalNow();
  const skew = toServerTime(now) - now;
  const calls = redisCallsOf("GET /overview");
  const versions = [...new Set(overview?.workers.map((worker) => worker.version))].sort();
  const facts: readonly (readonly [string, string])[] = [
    ["Environment", overview?.environment ?? "–"],
    ["Redis answers, through the API", isError ? "no" : ready === undefined ? "asking" : `in ${formatDuration(ready.ms)}`],
    ["Worker versions", versions.length === 0 ? "no worker is running" : versions.join(", ")],
    ["Updates", `${live.status}, ${live.isStream ? "by a stream" : `read every ${live.paceSeconds} s`}`],
    ["Clock of this machine", skew === 0 ? "agrees with the server" : `${formatDuration(Math.abs(skew))} ${skew > 0 ? "behind" : "ahead of"} the server`],
    ["Overview costs", calls === null ? "–" : plural(calls, "command")],
    ["Browser", navigator.userAgent],
  ];
  return (
    <Card title="Diagnostics" tools={<CopyButton name="diagnostics" words="Copy" text={() => facts.map(([name, value]) => `${name}: ${value}`).join("\n")} />}>
      <dl className="border-t border-border px-4 py-2">
        {facts.map(([name, value]) => (
          <div key={name} className="flex gap-4 py-1.5 max-sm:flex-col max-sm:gap-0">
            <dt className="w-56 shrink-0 text-text-2">{name}</dt>
            <dd className="min-w-0 break-words">{value}</dd>
          </div>
        ))}
      </dl>
    </Card>
  );
}

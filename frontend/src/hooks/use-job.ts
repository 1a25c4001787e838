import { queryOptions, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { read } from "../api/client";
import type { Job } from "../api/operations";
import { cancelJob } from "../api/operations";
import { formatCount } from "../lib/format";
import { toasts } from "../lib/toasts";
import { showProblem } from "./use-action";

function jobOptions(id: string | null) {
  return queryOptions({
    queryKey: ["job", id],
    queryFn: ({ signal }) => read(`/jobs/${encodeURIComponent(id ?? "")}`, { convert: (wire: Job) => wire, signal }),
    enabled: id !== null,
    refetchInterval: ({ state }) => (state.data?.state === "running" || state.data === undefined ? 1000 : false),
  });
}

/** How a bulk operation ended, in counts. */
function outcome(job: Job, verb: string): string {
  const parts = [`${formatCount(job.done)} ${verb}`];
  if (job.skipped > 0) parts.push(`${formatCount(job.skipped)} skipped`);
  if (job.missing > 0) parts.push(`${formatCount(job.missing)} no longer kept`);
  if (job.state !== "done") parts.push(job.reason ?? job.state);
  return parts.join(", ");
}

/** Starts a bulk operation of the server's and follows it to its end; it goes on without this page. */
export function useJob(verb: string) {
  const client = useQueryClient();
  const [id, setId] = useState<string | null>(null);
  const [isStarting, setStarting] = useState(false);
  const { data: job } = useQuery(jobOptions(id));
  const hasEnded = job !== undefined && job.state !== "running";

  useEffect(() => {
    if (!hasEnded) return;
    toasts.show({ tone: job.state === "stopped" ? "red" : "green", text: outcome(job, verb), seconds: 10 });
    for (const key of ["dead-letters", "overview", "tasks"]) void client.invalidateQueries({ queryKey: [key] });
  }, [hasEnded, job, verb, client]);

  return {
    job: hasEnded ? null : (job ?? null),
    isBusy: isStarting || (id !== null && !hasEnded),
    start: (begin: () => Promise<Job>) => {
      setStarting(true);
      begin().then(
        (started) => {
          client.setQueryData(jobOptions(started.id).queryKey, started); // a short one has ended by now
          setId(started.id);
          setStarting(false);
        },
        (error: unknown) => { setStarting(false); showProblem("This could not be started", error); },
      );
    },
    stop: () => {
      if (id !== null) cancelJob(id).catch((error: unknown) => { showProblem("This could not be stopped", error); });
    },
  };
}

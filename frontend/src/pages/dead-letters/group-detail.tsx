import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { TriangleAlert } from "lucide-react";
import type { ReactNode } from "react";
import type { ErrorGroup } from "../../api/dead-letters";
import { groupSampleOptions } from "../../api/dead-letters";
import { overviewOptions } from "../../api/overview";
import { Traceback } from "../../components/traceback";
import { joinClasses, plural } from "../../lib/format";
import { RequeueBox } from "./requeue-box";
import type { SharedFact } from "./shared-facts";
import { sharedFacts } from "./shared-facts";

/** An opened group: where it fails, what its tasks share, and the way to try them again. */
export function GroupDetail({ group, mayAct }: { group: ErrorGroup; mayAct: boolean }) {
  const { error } = group.task;
  return (
    <div className={joinClasses("grid border-t border-border", mayAct ? "lg:grid-cols-[1.25fr_1fr_20rem]" : "lg:grid-cols-2")}>
      <Part className="lg:pl-13">
        <h3 className="mb-3 font-semibold">Where it fails</h3>
        {error?.traceback ? (
          <Traceback text={error.traceback} showsAll={false} className="max-h-64" />
        ) : (
          <p className="text-text-2">{error === null ? "No error was recorded." : `${error.type}: ${error.message}`}</p>
        )}
        <Link to="/tasks/$taskId" params={{ taskId: group.task.id }} className="mt-3 inline-block font-medium text-accent hover:underline">
          {group.count === 1 ? "Open the task" : `Open the newest of ${plural(group.count, "task")}`}
        </Link>
      </Part>
      <Part className="lg:border-l">
        <h3 className="mb-2 font-semibold">What they share</h3>
        <Shared group={group} />
      </Part>
      {mayAct && (
        <Part className="bg-surface-2 lg:border-l">
          <RequeueBox key={group.fingerprint} group={group} />
        </Part>
      )}
    </div>
  );
}

function Part({ className, children }: { className?: string; children: ReactNode }) {
  return <div className={joinClasses("min-w-0 border-border px-4 py-4 max-lg:not-first:border-t", className)}>{children}</div>;
}

function Shared({ group }: { group: ErrorGroup }) {
  const { data: sample, isError } = useQuery(groupSampleOptions(group));
  const { data: overview } = useQuery({ ...overviewOptions(), enabled: false });
  if (isError) return <p className="text-text-2">This could not be read.</p>;
  if (sample === undefined) return <p className="text-text-3">Looking at its tasks</p>;
  const seen = sample.tasks.length;
  if (seen === 0) return <p className="text-text-2">It has no dead task any more.</p>;
  const facts = sharedFacts(sample.tasks, overview?.workers ?? []);
  const cause = likelyCause(facts, seen, overview?.workers.map((worker) => worker.version) ?? []);
  return (
    <>
      <dl className="flex flex-col">
        {facts.map(({ name, value, count }) => (
          <div key={name} className="flex h-7 items-center gap-3">
            <dt className="w-27 shrink-0 text-text-2">{name}</dt>
            <dd className="min-w-0 flex-1 truncate font-mono" title={value}>{value}</dd>
            <dd className="shrink-0 font-medium">{count} of {seen}</dd>
          </div>
        ))}
      </dl>
      {cause !== null && (
        <p className="mt-3 flex gap-2 text-text-2">
          <TriangleAlert size={14} aria-hidden className="mt-1 shrink-0 text-amber-fg" />
          {cause}
        </p>
      )}
      {seen < group.count && <p className="mt-3 text-12 text-text-3">Of {plural(seen, "task")} looked at.</p>}
    </>
  );
}

/** One version holds all of them, and others run too: then that version is where to look. */
function likelyCause(facts: readonly SharedFact[], seen: number, running: readonly string[]): string | null {
  const version = facts.find((fact) => fact.name === "Worker version");
  if (version?.count !== seen || seen < 2) return null;
  return new Set(running).size > 1 ? `All ran on version ${version.value}, while other versions run too.` : null;
}

import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams } from "@tanstack/react-router";
import { ArrowLeft, ChevronRight, Inbox } from "lucide-react";
import { useState } from "react";
import { ApiProblem } from "../../api/problem";
import { keptMs, limitsInForceOptions } from "../../api/administration";
import type { Task } from "../../api/tasks";
import { taskOptions } from "../../api/tasks";
import { buttonClass } from "../../components/button";
import { Card } from "../../components/card";
import { CopyButton } from "../../components/copy-button";
import { ErrorMessage, Message } from "../../components/message";
import { SkeletonBlock } from "../../components/skeleton";
import { useLive } from "../../live/live";
import { neighbours } from "../tasks/last-list";
import { createdAtOf } from "../../lib/task-id";
import { formatDuration, formatMoment } from "../../lib/time";
import { useNow } from "../../hooks/use-now";
import { useHotkeys } from "../../hooks/use-hotkeys";
import { PageFrame } from "../shell/page-frame";
import { useIdentity } from "../shell/use-identity";
import { Attempts } from "./attempts";
import { BodiesCard } from "./bodies-card";
import { ErrorCard } from "./error-card";
import { EventsCard, PolicyCard } from "./side-cards";
import { TaskHeader } from "./task-header";

export function TaskPage() {
  const { taskId } = useParams({ from: "/tasks/$taskId" });
  const { data: task, isError, error } = useQuery(taskOptions(taskId));
  const navigate = useNavigate();
  const { previous, next } = neighbours(taskId);
  const go = (other: string | null) => { if (other !== null) void navigate({ to: "/tasks/$taskId", params: { taskId: other }, replace: true }); };
  useHotkeys({ "[": () => { go(previous); }, "]": () => { go(next); }, Escape: () => { window.history.back(); } });
  return (
    <PageFrame title={task === undefined ? "Task" : `${task.type} ${task.status}`} heading={<Breadcrumb id={taskId} />}>
      {task === undefined && <h1 className="sr-only">Task {taskId}</h1>}
      {task !== undefined ? <TaskView key={task.id} task={task} /> : <NoTask id={taskId} failed={isError} error={error} />}
    </PageFrame>
  );
}

function Breadcrumb({ id }: { id: string }) {
  return (
    <div className="flex min-w-0 items-center gap-2">
      <Link to="/tasks" className="font-medium text-text-2 hover:text-text">
        <ArrowLeft size={16} aria-label="Tasks" className="md:hidden" />
        <span aria-hidden className="max-md:hidden">Tasks</span>
        <span className="sr-only max-md:hidden">Tasks</span>
      </Link>
      <ChevronRight size={14} aria-hidden className="shrink-0 text-text-3 max-md:hidden" />
      <span className="truncate font-mono" title={id}>{id}</span>
      <CopyButton text={id} name="id" />
    </div>
  );
}

function NoTask({ id, failed, error }: { id: string; failed: boolean; error: unknown }) {
  const { nextTryAt, readNow } = useLive();
  if (!failed)
    return (
      <Card className="h-30">
        <SkeletonBlock what="task" className="" />
      </Card>
    );
  const gone = error instanceof ApiProblem && (error.status === 404 || error.status === 410);
  return (
    <Card>
      {gone ? (
        <Message
          icon={Inbox}
          title="This task is no longer kept"
          actions={
            <>
              <Link to="/tasks" className={buttonClass()}>
                All tasks
              </Link>
              <Link to="/settings" className={buttonClass("quiet")}>
                Change retention
              </Link>
            </>
          }
        >
          <Gone id={id} />
        </Message>
      ) : (
        <ErrorMessage what="The task" error={error} nextTryAt={nextTryAt} onRetry={readNow} />
      )}
    </Card>
  );
}

/** How long its kind is kept, and from when the id is. */
function Gone({ id }: { id: string }) {
  const { data: limits } = useQuery(limitsInForceOptions());
  const kept = keptMs(limits, "ended");
  const createdAt = createdAtOf(id, useNow());
  return (
    <>
      {kept !== null ? `Completed tasks are kept for ${formatDuration(kept)}.` : "Tasks that have ended are kept for a time."}
      {createdAt === null ? " If the id was copied, check that all of it was." : ` This id was created on ${formatMoment(createdAt)}.`}
    </>
  );
}

function TaskView({ task }: { task: Task }) {
  const { mayAct } = useIdentity();
  const [picked, setPicked] = useState<number | null>(null);
  const failed = task.attempts.map((attempt, index) => ({ attempt, index })).filter(({ attempt }) => attempt.error !== null);
  const shown = failed.some(({ index }) => index === picked) ? picked : (failed.at(-1)?.index ?? null);
  return (
    <div className="flex flex-col gap-3 md:gap-4">
      <TaskHeader task={task} mayAct={mayAct} />
      {task.attempts.length > 0 && <Attempts task={task} chosen={shown} onChoose={setPicked} />}
      <div className="grid items-start gap-3 md:gap-4 xl:grid-cols-[1fr_22.5rem]">
        <div className="flex min-w-0 flex-col gap-3 md:gap-4">
          {shown !== null && <ErrorCard attempts={failed} chosen={shown} onChoose={setPicked} />}
          <BodiesCard key={task.id} task={task} mayReveal={mayAct} />
        </div>
        <div className="flex min-w-0 flex-col gap-3 md:gap-4">
          <EventsCard task={task} />
          <PolicyCard task={task} />
        </div>
      </div>
    </div>
  );
}

import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useState } from "react";
import { keptMs, limitsInForceOptions } from "../../api/administration";
import type { RetryPolicy, Task } from "../../api/tasks";
import { taskTypesOptions } from "../../api/task-types";
import { Card } from "../../components/card";
import { CopyButton } from "../../components/copy-button";
import { RichText } from "../../components/rich-text";
import { Segmented } from "../../components/segmented";
import { isEnded, TONE_TEXT } from "../../components/status";
import { TimeText } from "../../components/time-text";
import { useNow } from "../../hooks/use-now";
import { joinClasses } from "../../lib/format";
import type { Json } from "../../lib/json";
import { formatJson } from "../../lib/json";
import { formatClockZone, formatExact, formatMoment, formatMomentZone, formatSetting } from "../../lib/time";
import { taskEvents } from "./task-events";

const LINK = "font-mono break-all text-accent hover:underline";

export function EventsCard({ task }: { task: Task }) {
  const [view, setView] = useState<"relative" | "exact">("relative");
  const now = useNow();
  return (
    <Card title="Events" tools={<Segmented label="Times" value={view} onPick={setView} options={[{ value: "relative", text: "Relative" }, { value: "exact", text: "Exact" }]} className="md:h-7" />}>
      <ol aria-label="Events" className="px-4 pb-3">
        {taskEvents(task).map(({ icon: Icon, tone, text, at }, index) => (
          <li key={index} className="flex min-h-7 items-center gap-3">
            <Icon size={14} aria-hidden className={joinClasses("shrink-0", TONE_TEXT[tone])} />
            <span className="min-w-0 break-words"><RichText text={text} /></span>
            <span className="ml-auto shrink-0 text-12 text-text-3">
              {view === "exact" ? <time dateTime={at.toISOString()} title={formatExact(at)}>{formatClockZone(at, now)}</time> : <TimeText at={at} />}
            </span>
          </li>
        ))}
      </ol>
    </Card>
  );
}

/** How it is tried, and what it belongs to. */
export function PolicyCard({ task }: { task: Task }) {
  const { data: types = [] } = useQuery(taskTypesOptions());
  const { data: limits } = useQuery(limitsInForceOptions());
  const type = types.find((each) => each.name === task.type);
  const retry = task.retry ?? type?.retry ?? null;
  const facts: (readonly [string, ReactNode])[] = [["Retries", retry === null || task.maxRetries === 0 ? String(task.maxRetries) : `${task.maxRetries}, ${backoff(retry)}`]];
  if (task.timeoutMs !== null) facts.push(["Timeout", formatSetting(task.timeoutMs)]);
  else if (type !== undefined) facts.push(["Timeout", `${formatSetting(type.timeoutSeconds * 1000)}, of the type`]);
  if (!isEnded(task.status) && task.runAt !== null && task.runAt.getTime() !== task.createdAt.getTime()) facts.push(["Not before", <Moment key="Not before" at={task.runAt} />]);
  const kept = keptMs(limits, task.status === "dead" ? "dead" : "ended");
  if (task.finishedAt !== null && kept !== null) facts.push(["Kept until", <Moment key="Kept until" at={new Date(task.finishedAt.getTime() + kept)} />]);
  if (task.schedule !== null) facts.push(["Schedule", <Link key="schedule" to="/schedules" search={{ schedule: task.schedule }} className={LINK}>{task.schedule}</Link>]);
  if (task.fingerprint !== null) facts.push(["Error group", <Link key="group" to="/tasks" search={{ status: "dead", error: task.fingerprint }} className={LINK}>{task.fingerprint}</Link>]);
  if (task.idempotencyKey !== null) facts.push(["Idempotency key", <Copied key="idempotency" name="idempotency key" text={task.idempotencyKey} />]);
  if (task.uniqueKey !== null) facts.push(["Unique key", <Link key="unique" to="/tasks" search={{ queue: task.queue, key: task.uniqueKey }} title="The task that has it now" className={LINK}>{task.uniqueKey}</Link>]);
  if (task.limitKey !== null) facts.push(["Limit key", <span key="limit" className="font-mono break-all">{task.limitKey}</span>]);
  if (task.fairKey !== null) facts.push(["Fair key", <span key="fair" className="font-mono break-all">{task.fairKey}</span>]);
  if (task.traceId !== null) facts.push(["Trace", <Copied key="trace" name="trace id" text={task.traceId} />]);
  facts.push(["Submitted", <time key="submitted" dateTime={task.createdAt.toISOString()} title={formatExact(task.createdAt)}>{formatMomentZone(task.createdAt)}</time>]);
  for (const [name, value] of metadataOf(task.metadata)) facts.push([name, <span key={name} className="font-mono break-all">{value}</span>]);
  return (
    <Card title="Policy and links">
      <dl className="px-4 pb-3">
        {facts.map(([name, value]) => (
          <div key={name} className="flex gap-3 py-1">
            <dt className="w-32 shrink-0 text-text-2">{name}</dt>
            <dd className="min-w-0 break-words">{value}</dd>
          </div>
        ))}
      </dl>
    </Card>
  );
}

/** from 3 s ×4, full jitter */
function backoff({ initialMs, factor, jitter }: RetryPolicy): string {
  return `from ${formatSetting(initialMs)} ×${factor}, ${jitter === "none" ? "no" : jitter} jitter`;
}

function Copied({ name, text }: { name: string; text: string }) {
  return (
    <span className="flex items-start gap-1">
      <span className="min-w-0 font-mono break-all">{text}</span>
      <CopyButton name={name} text={text} className="-my-1 shrink-0" />
    </span>
  );
}

function Moment({ at }: { at: Date }) {
  return <time dateTime={at.toISOString()} title={formatExact(at)}>{formatMoment(at)}</time>;
}

function metadataOf(metadata: Json): (readonly [string, string])[] {
  if (metadata === null || typeof metadata !== "object" || Array.isArray(metadata) || "source" in metadata) return [];
  return Object.entries(metadata).map(([name, value]) => [name, typeof value === "string" ? value : formatJson(value)] as const);
}

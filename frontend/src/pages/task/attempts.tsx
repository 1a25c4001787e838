import { Fragment } from "react";
import type { LucideIcon } from "lucide-react";
import { Ban, CircleCheck, CircleX, Loader } from "lucide-react";
import type { Attempt, Task } from "../../api/tasks";
import { Card } from "../../components/card";
import type { Tone } from "../../components/status";
import { TONE_PILL } from "../../components/status";
import { useNow } from "../../hooks/use-now";
import { joinClasses } from "../../lib/format";
import { formatDuration, formatExact } from "../../lib/time";

interface AttemptsProps {
  task: Task;
  chosen: number | null;
  onChoose: (attempt: number) => void;
}

interface Look {
  readonly word: string;
  readonly tone: Tone;
  readonly icon: LucideIcon;
}

function lookOf(attempt: Attempt): Look {
  if (attempt.endedAt === null) return { word: "running", tone: "blue", icon: Loader };
  const word = (attempt.outcome ?? "ended").replaceAll("_", " ");
  if (word === "completed") return { word, tone: "green", icon: CircleCheck };
  if (attempt.error !== null || word === "failed") return { word, tone: "red", icon: CircleX };
  return { word, tone: "neutral", icon: Ban };
}

function gap(from: Date | null, to: Date | null): string | null {
  return from === null || to === null ? null : formatDuration(to.getTime() - from.getTime());
}

/** Runs as blocks, the waits between them as dotted lines with their true lengths. A block shows its error below. */
export function Attempts({ task, chosen, onChoose }: AttemptsProps) {
  const { attempts } = task;
  return (
    <Card title="Attempts" note="runs and waits, not to scale; times are exact">
      <ol className="flex flex-col gap-1 px-4 pb-4 md:grid md:auto-cols-fr md:gap-y-3 md:[grid-template-columns:repeat(auto-fill,minmax(230px,1fr))]">
        {attempts.map((attempt, index) => (
          <Fragment key={attempt.number}>
            <AttemptBlock
              attempt={attempt}
              last={index === attempts.length - 1}
              dead={task.status === "dead" && index === attempts.length - 1}
              wait={gap(index === 0 ? task.createdAt : (attempts[index - 1]?.endedAt ?? null), attempt.startedAt)}
              waitWord={index === 0 ? "waited" : "backoff"}
              isChosen={attempt.number === chosen}
              onChoose={onChoose}
            />
          </Fragment>
        ))}
      </ol>
    </Card>
  );
}

interface AttemptBlockProps {
  attempt: Attempt;
  last: boolean;
  dead: boolean;
  wait: string | null;
  waitWord: string;
  isChosen: boolean;
  onChoose: (attempt: number) => void;
}

function AttemptBlock({ attempt, dead, wait, waitWord, isChosen, onChoose }: AttemptBlockProps) {
  const now = useNow();
  const { word, tone, icon: Icon } = lookOf(attempt);
  const ran = attempt.startedAt === null ? null : formatDuration((attempt.endedAt?.getTime() ?? now) - attempt.startedAt.getTime());
  return (
    <li className="flex min-w-0 max-md:flex-col">
      <div aria-hidden={wait === null} className="flex w-20 shrink-0 flex-col items-center text-11 text-text-3 max-md:w-full max-md:items-start max-md:pl-2">
        <span aria-hidden className="mt-3 w-full border-t-2 border-dotted border-border-strong max-md:mt-0 max-md:ml-1 max-md:h-2 max-md:w-0 max-md:border-t-0 max-md:border-l-2" />
        {wait !== null && <span className="mt-2.5 text-center max-md:mt-0 max-md:text-left">{`${waitWord} ${wait}`}</span>}
      </div>
      <div className="min-w-0 flex-1">
        <button
          type="button"
          aria-pressed={isChosen}
          disabled={attempt.error === null}
          title={attempt.startedAt === null ? undefined : `Started ${formatExact(attempt.startedAt)}`}
          onClick={() => { onChoose(attempt.number); }}
          className={joinClasses(
            "flex h-(--control) w-full items-center gap-2 rounded-md px-2.5 text-12 font-medium disabled:cursor-default md:h-6.5",
            TONE_PILL[tone],
            isChosen && "ring-2 ring-red-mark",
          )}
        >
          <Icon size={14} aria-hidden className="shrink-0" />
          {attempt.number} {word}
          {dead && ", dead"}
        </button>
        <p className="mt-1 truncate pl-0.5 text-11 text-text-3">{[ran, attempt.worker].filter(Boolean).join(" · ")}</p>
      </div>
    </li>
  );
}

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
  if (attempt.error !== null || ["failed", "rejected", "lost"].includes(word)) return { word, tone: "red", icon: CircleX };
  return { word, tone: "neutral", icon: Ban };
}

/** What lies before an attempt: the time in the queue, or the backoff after the last failure. */
function waitBefore({ attempts, createdAt }: Task, index: number): string | null {
  const attempt = attempts[index];
  if (!attempt?.startedAt) return null;
  const from = index > 0 ? attempts[index - 1]?.endedAt : attempt.number === 1 ? createdAt : null;
  if (!from) return null;
  return `${index === 0 ? "waited" : "backoff"} ${formatDuration(attempt.startedAt.getTime() - from.getTime())}`;
}

/** Runs as blocks, the waits between them as dotted lines with their true lengths. A block shows its error below. */
export function Attempts({ task, chosen, onChoose }: AttemptsProps) {
  const { attempts } = task;
  return (
    <Card title="Attempts" note="runs and waits, not to scale; times are exact">
      <ol className="flex flex-col px-4 pb-4 md:grid md:auto-cols-fr md:gap-y-3 md:[grid-template-columns:repeat(auto-fill,minmax(230px,1fr))]">
        {attempts.map((attempt, index) => (
          <AttemptBlock
            key={attempt.number}
            attempt={attempt}
            dead={task.status === "dead" && index === attempts.length - 1}
            wait={waitBefore(task, index)}
            isChosen={attempt.number === chosen}
            onChoose={onChoose}
          />
        ))}
      </ol>
    </Card>
  );
}

interface AttemptBlockProps {
  attempt: Attempt;
  dead: boolean;
  wait: string | null;
  isChosen: boolean;
  onChoose: (attempt: number) => void;
}

function AttemptBlock({ attempt, dead, wait, isChosen, onChoose }: AttemptBlockProps) {
  const now = useNow();
  const { word, tone, icon: Icon } = lookOf(attempt);
  const ran = attempt.startedAt === null ? null : formatDuration((attempt.endedAt?.getTime() ?? now) - attempt.startedAt.getTime());
  const facts = [ran, attempt.worker].filter(Boolean).join(" · ");
  return (
    <li className="flex min-w-0 max-md:flex-col">
      <div className="flex w-22 shrink-0 flex-col items-center text-11 text-text-3 max-md:h-5 max-md:w-full max-md:flex-row max-md:gap-3 max-md:pl-4">
        <span aria-hidden className="mt-3 w-full border-t-2 border-dotted border-border-strong max-md:mt-0 max-md:h-full max-md:w-0 max-md:border-t-0 max-md:border-l-2" />
        {wait !== null && <span className="mt-4 max-md:mt-0">{wait}</span>}
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
          <span className="ml-auto font-normal md:hidden">{facts}</span>
        </button>
        <p className="mt-1 truncate pl-0.5 text-11 text-text-3 max-md:hidden">{facts}</p>
      </div>
    </li>
  );
}

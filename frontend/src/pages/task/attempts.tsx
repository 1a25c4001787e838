import type { LucideIcon } from "lucide-react";
import { Ban, CircleCheck, CircleX, Loader } from "lucide-react";
import { Fragment } from "react";
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
  onChoose: (index: number) => void;
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
function waitBefore({ attempts, createdAt }: Task, index: number): string {
  const attempt = attempts[index];
  if (!attempt?.startedAt) return "";
  const from = index > 0 ? attempts[index - 1]?.endedAt : attempt.number === 1 ? createdAt : null;
  if (!from) return "";
  return `${index === 0 ? "" : "backoff "}${formatDuration(attempt.startedAt.getTime() - from.getTime())}`;
}

const RING: Readonly<Record<Tone, string>> = {
  red: "ring-2 ring-red-mark",
  blue: "ring-2 ring-blue-mark",
  green: "ring-2 ring-green-mark",
  neutral: "ring-2 ring-neutral-mark",
  amber: "ring-2 ring-amber-mark",
  violet: "ring-2 ring-violet-mark",
};

/** Runs as blocks, the waits between them as dotted lines with their true lengths. A block shows its error below. */
export function Attempts({ task, chosen, onChoose }: AttemptsProps) {
  const { attempts } = task;
  return (
    <Card title="Attempts" note="runs and waits, not to scale; times are exact">
      <ol className="flex flex-col px-4 pb-3.5 md:flex-row md:flex-wrap md:gap-y-3 md:pb-4">
        {attempts.map((attempt, index) => (
          <Fragment key={index}>
            <Wait text={waitBefore(task, index)} />
            <AttemptBlock
              attempt={attempt}
              index={index}
              dead={task.status === "dead" && index === attempts.length - 1}
              isChosen={index === chosen}
              onChoose={onChoose}
            />
          </Fragment>
        ))}
      </ol>
    </Card>
  );
}

function Wait({ text }: { text: string }) {
  return (
    <li className="flex text-11 text-text-3 max-md:h-5 max-md:items-center max-md:gap-3 max-md:pl-4 md:w-24 md:shrink-0 md:flex-col md:px-1 md:first:w-14">
      <span aria-hidden className="border-border-strong max-md:h-full max-md:border-l-2 max-md:border-dotted md:mt-3 md:border-t-2 md:border-dotted" />
      {text !== "" && <span className="md:mt-3 md:text-center">{text}</span>}
    </li>
  );
}

interface AttemptBlockProps {
  attempt: Attempt;
  index: number;
  dead: boolean;
  isChosen: boolean;
  onChoose: (index: number) => void;
}

function AttemptBlock({ attempt, index, dead, isChosen, onChoose }: AttemptBlockProps) {
  const now = useNow();
  const { word, tone, icon: Icon } = lookOf(attempt);
  const ran = attempt.startedAt === null ? null : formatDuration((attempt.endedAt?.getTime() ?? now) - attempt.startedAt.getTime());
  const facts = [ran, attempt.worker].filter(Boolean).join(" · ");
  return (
    <li className="min-w-0 md:min-w-36 md:flex-1">
      <button
        type="button"
        aria-pressed={isChosen}
        disabled={attempt.error === null}
        title={attempt.startedAt === null ? undefined : `Started ${formatExact(attempt.startedAt)}`}
        onClick={() => { onChoose(index); }}
        className={joinClasses(
          "flex h-(--control) w-full items-center gap-2 rounded-sm px-2 text-12 font-medium disabled:cursor-default md:h-6",
          TONE_PILL[tone],
          isChosen && RING[tone],
        )}
      >
        <Icon size={14} aria-hidden className="shrink-0" />
        {attempt.number} {word}
        {dead && ", dead"}
        <span className="ml-auto font-normal md:hidden">{facts}</span>
      </button>
      <p className="mt-1 truncate pl-0.5 text-11 text-text-3 max-md:hidden" title={facts}>{facts}</p>
    </li>
  );
}

import { Link } from "@tanstack/react-router";
import type { LucideIcon } from "lucide-react";
import { CalendarX2, Coins, Hourglass, OctagonX, Pause, Play, ServerOff } from "lucide-react";
import { useId, useState } from "react";
import type { Need } from "../../api/health-needs";
import { Button, buttonClass } from "../../components/button";
import { PauseDialog } from "../../components/pause-dialog";
import { RichText } from "../../components/rich-text";
import { TONE_TEXT } from "../../components/status";
import { useQueueActions } from "../../hooks/use-queue-actions";
import { joinClasses } from "../../lib/format";

const SIGN: Readonly<Record<Need["sign"], LucideIcon>> = {
  dead: OctagonX,
  paused: Pause,
  worker: ServerOff,
  wait: Hourglass,
  schedule: CalendarX2,
  cost: Coins,
};

/** One thing that needs the operator: what, since when, how big, and its one next step. */
export function NeedRow({ need, mayAct }: { need: Need; mayAct: boolean }) {
  const [open, setOpen] = useState(false);
  const id = useId();
  const { step } = need;
  const Icon = SIGN[need.sign];
  // On a phone the button of a red one takes a line of its own.
  const isFirst = need.tone === "red";
  const kind = isFirst ? "primary" : "plain";
  return (
    <li className="border-t border-border px-4 py-2.5">
      <div className={joinClasses("flex items-center gap-3.5", isFirst && "max-md:flex-wrap")}>
        <Icon size={16} aria-hidden className={joinClasses("mx-2.5 shrink-0 max-md:hidden", TONE_TEXT[need.tone])} />
        <p className={joinClasses("min-w-0 flex-1 text-text-2", isFirst && "max-md:basis-full")}>
          <span className="font-semibold text-text">
            <RichText text={need.what} />
          </span>
          <span className="max-md:hidden"> · </span>
          <span className="max-md:block">{need.details.join(" · ")}</span>
        </p>
        <NextStep step={step} kind={kind} mayAct={mayAct} isOpen={open} adviceId={id} onAdvice={() => { setOpen(!open); }} />
      </div>
      {step.kind === "advice" && (
        <ul id={id} hidden={!open} className="mt-2 list-disc pl-14 text-text-2 max-md:pl-5">
          {step.lines.map((line) => (
            <li key={line}>{line}</li>
          ))}
        </ul>
      )}
    </li>
  );
}

/** Stops what fails from failing on, until somebody has looked. */
function PauseButton({ queue }: { queue: string }) {
  const [asks, setAsks] = useState(false);
  return (
    <>
      <Button className="shrink-0 max-lg:hidden" onClick={() => { setAsks(true); }}>
        <Pause size={14} aria-hidden />
        <span className="max-w-40 truncate">Pause queue {queue}</span>
      </Button>
      {asks && <PauseDialog name={queue} onClose={() => { setAsks(false); }} />}
    </>
  );
}

interface NextStepProps {
  step: Need["step"];
  kind: "primary" | "plain";
  mayAct: boolean;
  isOpen: boolean;
  adviceId: string;
  onAdvice: () => void;
}

function NextStep({ step, kind, mayAct, isOpen, adviceId, onAdvice }: NextStepProps) {
  const { resume } = useQueueActions();
  const width = kind === "primary" ? "max-md:w-full" : "shrink-0";
  const look = buttonClass(kind, width);
  switch (step.kind) {
    case "show":
      return <Link to="/tasks" search={step.filter} className={look}>{step.label}</Link>;
    case "group":
      return (
        <>
          {mayAct && step.queue !== null && <PauseButton queue={step.queue} />}
          <Link to="/dead-letters" search={{ group: step.fingerprint }} className={look}>{step.label}</Link>
        </>
      );
    case "go":
      return <Link to={step.to} className={look}>{step.label}</Link>;
    case "resume":
      if (!mayAct) return <Link to="/queues" search={{ queue: step.queue }} className={look}>Show queue</Link>;
      return (
        <Button kind={kind} className={width} aria-busy={resume.isPending} onClick={() => { resume.mutate(step.queue); }}>
          <Play size={14} aria-hidden />
          <span>Resume<span className="max-md:sr-only"> queue</span></span>
        </Button>
      );
    case "advice":
      return (
        <Button kind={kind} className={width} aria-expanded={isOpen} aria-controls={adviceId} onClick={onAdvice}>
          {step.label}
        </Button>
      );
  }
}

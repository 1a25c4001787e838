import { Link } from "@tanstack/react-router";
import type { LucideIcon } from "lucide-react";
import { Hourglass, OctagonX, Pause, ServerOff } from "lucide-react";
import { useId, useState } from "react";
import type { Need } from "../../api/health";
import { Button, buttonClass } from "../../components/button";
import { RichText } from "../../components/rich-text";
import { TONE_TEXT } from "../../components/status";
import { joinClasses } from "../../lib/format";

const SIGN: Readonly<Record<Need["sign"], LucideIcon>> = {
  dead: OctagonX,
  paused: Pause,
  worker: ServerOff,
  wait: Hourglass,
};

/** One thing that needs the operator: what, since when, how big, and its one next step. */
export function NeedRow({ need }: { need: Need }) {
  const [open, setOpen] = useState(false);
  const id = useId();
  const { step } = need;
  const Icon = SIGN[need.sign];
  const kind = need.tone === "red" ? "primary" : "plain";
  return (
    <li className="border-t border-border px-4 py-2.5">
      <div className="flex items-center gap-3.5 max-md:flex-wrap">
        <Icon size={16} aria-hidden className={joinClasses("mx-2.5 shrink-0 max-md:hidden", TONE_TEXT[need.tone])} />
        <p className="min-w-0 flex-1 text-text-2 max-md:basis-full">
          <span className="font-semibold text-text">
            <RichText text={need.what} />
          </span>
          <span className="max-md:hidden"> · </span>
          <span className="max-md:block">{need.details.join(" · ")}</span>
        </p>
        {step.kind === "show" ? (
          <Link to="/tasks" search={step.filter} className={buttonClass(kind, "max-md:w-full")}>
            {step.label}
          </Link>
        ) : (
          <Button kind={kind} className="max-md:w-full" aria-expanded={open} aria-controls={id} onClick={() => { setOpen(!open); }}>
            {step.label}
          </Button>
        )}
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

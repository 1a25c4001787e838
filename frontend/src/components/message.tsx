import type { LucideIcon } from "lucide-react";
import { TriangleAlert } from "lucide-react";
import type { ReactNode } from "react";
import { ApiProblem, describeProblem } from "../api/problem";
import { useLocalNow } from "../hooks/use-now";
import { joinClasses } from "../lib/format";
import { Button } from "./button";
import { CopyButton } from "./copy-button";
import type { Tone } from "./status";
import { TONE_PILL } from "./status";

interface MessageProps {
  icon: LucideIcon;
  tone?: Tone;
  title: string;
  children?: ReactNode;
  actions?: ReactNode;
  /** Below the actions. */
  foot?: ReactNode;
  className?: string;
  alert?: boolean;
}

/** What stands where data would: empty, gone, or failed. */
export function Message({ icon: Icon, tone = "neutral", title, children, actions, foot, className, alert }: MessageProps) {
  return (
    <div
      role={alert ? "alert" : undefined}
      className={joinClasses("flex flex-col items-center justify-center gap-2 px-6 py-14 text-center", className)}
    >
      <span className={joinClasses("mb-1 flex size-10 items-center justify-center rounded-full", TONE_PILL[tone])}>
        <Icon size={16} aria-hidden />
      </span>
      <h2 className="text-15 font-semibold">{title}</h2>
      {children !== undefined && <div className="max-w-90 text-text-2">{children}</div>}
      {actions !== undefined && <div className="mt-1.5 flex flex-wrap justify-center gap-2">{actions}</div>}
      {foot}
    </div>
  );
}

interface ErrorMessageProps {
  /** "Tasks": the title says they could not be loaded. */
  what: string;
  error: unknown;
  nextTryAt: number | null;
  onRetry: () => void;
}

export function ErrorMessage({ what, error, nextTryAt, onRetry }: ErrorMessageProps) {
  const now = useLocalNow();
  const seconds = nextTryAt === null ? null : Math.max(0, Math.ceil((nextTryAt - now) / 1000));
  const problem = error instanceof ApiProblem ? error : null;
  return (
    <Message
      alert
      foot={problem?.requestId && <p className="max-w-full pt-1 font-mono break-all text-text-3">request {problem.requestId}</p>}
      icon={TriangleAlert}
      tone="red"
      title={`${what} could not be loaded`}
      actions={
        <>
          <Button onClick={onRetry}>Try now</Button>
          {problem && <CopyButton name="details" words="Copy details" text={() => problem.details} />}
        </>
      }
    >
      <p>
        {describeProblem(error)}
        {problem?.fix ? ` ${problem.fix}` : ""}
        {seconds === null ? "" : ` Trying again in ${seconds} s.`}
      </p>
    </Message>
  );
}

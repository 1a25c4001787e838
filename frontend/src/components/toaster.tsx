import { CircleCheck, CircleX, Info, X } from "lucide-react";
import { useSyncExternalStore } from "react";
import { joinClasses } from "../lib/format";
import { toasts } from "../lib/toasts";
import { CopyButton } from "./copy-button";
import { IconButton } from "./icon-button";
import { RichText } from "./rich-text";
import { TONE_TEXT } from "./status";

const ICON = { green: CircleCheck, red: CircleX, neutral: Info } as const;

/** What was done, and what could not be, at the foot of the page. */
export function Toaster() {
  const list = useSyncExternalStore(toasts.subscribe, toasts.getSnapshot);
  return (
    <div
      role="region"
      aria-label="Messages"
      className="pointer-events-none fixed right-4 bottom-4 z-40 flex w-105 max-w-[calc(100vw-32px)] flex-col items-end gap-2 max-md:bottom-18"
    >
      {list.map(({ id, tone, text, action, details }) => {
        const Icon = ICON[tone];
        return (
          <div key={id} className="pointer-events-auto flex min-h-11 max-w-full items-center gap-3 rounded-lg border border-border bg-surface py-2 pr-2 pl-4 shadow-2">
            <Icon size={16} aria-hidden className={joinClasses("shrink-0", TONE_TEXT[tone])} />
            <div className="min-w-0 py-0.5 break-words">
              <p><RichText text={text} /></p>
              {details !== undefined && <CopyButton name="details" words="Copy details" text={details} className="-ml-3" />}
            </div>
            {action && (
              <button type="button" onClick={action.run} className="target min-h-6 shrink-0 px-1 font-medium text-accent hover:underline">
                {action.label}
              </button>
            )}
            <IconButton icon={X} label="Close message" onClick={() => { toasts.close(id); }} />
          </div>
        );
      })}
    </div>
  );
}

import type { LucideIcon } from "lucide-react";
import { joinClasses } from "../lib/format";
import type { Tone } from "./status";
import { TONE_PILL, TONE_TEXT } from "./status";

interface StateTextProps {
  icon: LucideIcon;
  tone: Tone;
  text: string;
  pill?: boolean;
}

/** A state as icon and word. */
export function StateText({ icon: Icon, tone, text, pill = false }: StateTextProps) {
  return (
    <span
      className={joinClasses(
        "inline-flex items-center gap-1.5 whitespace-nowrap",
        pill ? `h-6 rounded-full px-2.5 text-12 font-medium ${TONE_PILL[tone]}` : TONE_TEXT[tone],
      )}
    >
      <Icon size={14} aria-hidden className="shrink-0" />
      {text}
    </span>
  );
}

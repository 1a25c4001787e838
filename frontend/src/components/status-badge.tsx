import type { TaskStatus } from "../api/wire";
import { joinClasses } from "../lib/format";
import { STATUS, TONE_PILL, TONE_TEXT } from "./status";

/** A status as icon and word, bare in tables or as a pill in headings. */
export function StatusBadge({ status, pill = false }: { status: TaskStatus; pill?: boolean }) {
  const { label, tone, icon: Icon } = STATUS[status];
  return (
    <span
      className={joinClasses(
        "inline-flex items-center gap-1.5 whitespace-nowrap",
        pill ? `h-6 rounded-full px-2.5 text-12 font-medium ${TONE_PILL[tone]}` : TONE_TEXT[tone],
      )}
    >
      <Icon size={14} aria-hidden className="shrink-0" />
      {label}
    </span>
  );
}

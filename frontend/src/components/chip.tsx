import { X } from "lucide-react";
import type { ReactNode } from "react";

interface ChipProps {
  field: string;
  /** "is", "since". */
  operator?: string;
  value: ReactNode;
  onRemove: () => void;
}

/** One filter: field, operator, value, and the way out of it. */
export function Chip({ field, operator = "is", value, onRemove }: ChipProps) {
  return (
    <span className="inline-flex h-(--control) max-w-full items-stretch overflow-hidden rounded-md border border-border-strong bg-surface md:h-6.5">
      <span className="flex items-center px-2 text-text-2 max-md:hidden">{field}</span>
      <span className="flex items-center border-l border-border px-2 text-text-2 max-md:hidden">{operator}</span>
      <span className="flex min-w-0 items-center truncate px-2 font-medium md:border-l md:border-border">{value}</span>
      <button
        type="button"
        aria-label={`Remove filter ${field}`}
        title={`Remove filter ${field}`}
        onClick={onRemove}
        className="flex w-6.5 shrink-0 items-center justify-center border-l border-border text-text-2 -outline-offset-2 hover:bg-surface-2 max-md:w-11"
      >
        <X size={13} aria-hidden />
      </button>
    </span>
  );
}

import type { LucideIcon } from "lucide-react";
import type { ButtonHTMLAttributes } from "react";
import { joinClasses } from "../lib/format";

interface IconButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  icon: LucideIcon;
  label: string;
  size?: number;
}

/** An icon alone, with its name for screen readers and as the tooltip. */
export function IconButton({ icon: Icon, label, size = 14, className, ...rest }: IconButtonProps) {
  return (
    <button
      type="button"
      aria-label={label}
      data-tip={label}
      className={joinClasses(
        "inline-flex size-11 shrink-0 items-center justify-center rounded-md text-text-2 hover:bg-surface-2 hover:text-text md:size-6",
        className,
      )}
      {...rest}
    >
      <Icon size={size} aria-hidden />
    </button>
  );
}

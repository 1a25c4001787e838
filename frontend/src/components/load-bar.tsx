import { joinClasses } from "../lib/format";

interface LoadBarProps {
  /** 0 to 1; beyond it the bar is full. */
  share: number;
  tone?: "accent" | "blue" | "amber";
  className?: string;
}

const FILL = { accent: "fill-accent", blue: "fill-blue-mark", amber: "fill-amber-mark" } as const;

/** How much of something is used. The number stands beside it, so it is silent. */
export function LoadBar({ share, tone = "blue", className }: LoadBarProps) {
  const width = Math.min(1, Math.max(0, share)) * 100;
  return (
    <svg aria-hidden preserveAspectRatio="none" viewBox="0 0 100 8" className={joinClasses("h-1.5 overflow-hidden rounded-sm forced-colors:outline-1", className ?? "w-24")}>
      <rect width="100" height="8" className="fill-surface-3" />
      <rect width={width} height="8" className={FILL[tone]} />
    </svg>
  );
}

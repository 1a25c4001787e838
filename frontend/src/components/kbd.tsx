interface KbdProps {
  keys: string;
  /** On the accent's own colour. */
  onAccent?: boolean;
  className?: string;
}

export function Kbd({ keys, onAccent = false, className = "" }: KbdProps) {
  const colours = onAccent ? "border-current" : "border-border-strong bg-surface-2 text-text-2";
  return <kbd className={`shrink-0 rounded-sm border px-1.5 font-sans text-11 whitespace-nowrap ${colours} ${className}`}>{keys}</kbd>;
}

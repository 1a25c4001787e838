export function Kbd({ keys, className = "" }: { keys: string; className?: string }) {
  return (
    <kbd className={`rounded-sm border border-border-strong bg-surface-2 px-1.5 font-sans text-11 text-text-2 ${className}`}>{keys}</kbd>
  );
}

interface SwitchProps {
  label: string;
  on: boolean;
  busy?: boolean;
  disabled?: boolean;
  onToggle: (on: boolean) => void;
}

export function Switch({ label, on, busy = false, disabled = false, onToggle }: SwitchProps) {
  return (
    <button
      type="button"
      role="switch"
      aria-checked={on}
      aria-label={label}
      aria-busy={busy}
      disabled={disabled}
      onClick={() => { onToggle(!on); }}
      className="target flex h-6 w-9 shrink-0 items-center rounded-full aria-busy:opacity-60"
    >
      <span
        className={`flex h-5 w-9 items-center rounded-full border-[1.5px] px-[2px] transition-colors duration-(--fast) ${on ? "border-accent bg-accent" : "border-border-control bg-surface"}`}
      >
        <span className={`size-3.5 rounded-full transition-transform duration-(--fast) ${on ? "translate-x-4 bg-on-accent" : "bg-border-control"}`} />
      </span>
    </button>
  );
}

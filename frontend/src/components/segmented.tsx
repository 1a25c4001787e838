import { joinClasses } from "../lib/format";

interface SegmentedProps<Value extends string> {
  label: string;
  value: Value;
  options: readonly { readonly value: Value; readonly text: string }[];
  onPick: (value: Value) => void;
  className?: string;
}

/** One of a few, all in sight. Arrow keys move, as in any group of radio buttons. */
export function Segmented<Value extends string>({ label, value, options, onPick, className }: SegmentedProps<Value>) {
  return (
    <div
      role="radiogroup"
      aria-label={label}
      className={joinClasses("inline-flex h-(--control) rounded-md border border-border-strong bg-surface p-0.5", className)}
      onKeyDown={(event) => {
        const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
        if (step === undefined) return;
        event.preventDefault();
        const place = options.findIndex((option) => option.value === value);
        const next = options[(place + step + options.length) % options.length];
        if (next === undefined) return;
        onPick(next.value);
        event.currentTarget.querySelector<HTMLElement>(`[data-value="${CSS.escape(next.value)}"]`)?.focus();
      }}
    >
      {options.map((option) => (
        <button
          key={option.value}
          type="button"
          role="radio"
          data-value={option.value}
          aria-checked={option.value === value}
          tabIndex={option.value === value ? 0 : -1}
          onClick={() => { onPick(option.value); }}
          className="target min-w-0 flex-auto rounded-sm px-2.5 font-medium whitespace-nowrap text-text-2 hover:text-text aria-checked:bg-surface-3 aria-checked:text-text"
        >
          {option.text}
        </button>
      ))}
    </div>
  );
}

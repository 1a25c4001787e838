import { useEffect, useRef } from "react";

interface CheckboxProps {
  label: string;
  checked: boolean;
  /** Some of what it stands for is checked. */
  mixed?: boolean;
  tabIndex?: number;
  onToggle: (isRange: boolean) => void;
}

/** The browser's own box in a target of 24 px, 44 on phones. */
export function Checkbox({ label, checked, mixed = false, tabIndex, onToggle }: CheckboxProps) {
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => { if (input.current !== null) input.current.indeterminate = mixed; }, [mixed]);
  return (
    <label className="-m-1 flex size-6 cursor-pointer items-center justify-center max-md:-m-3.5 max-md:size-11" onClick={(event) => { event.stopPropagation(); }}>
      <input
        ref={input}
        type="checkbox"
        aria-label={label}
        checked={checked}
        tabIndex={tabIndex}
        onChange={() => { onToggle(false); }}
        onClick={(event) => { if (event.shiftKey) { event.preventDefault(); onToggle(true); } }}
        className="checkbox cursor-pointer"
      />
    </label>
  );
}

import type { SelectHTMLAttributes } from "react";
import { joinClasses } from "../lib/format";

/** `bare`: no visible label, for narrow screens where the chosen option says what it is. */
interface SelectProps extends Omit<SelectHTMLAttributes<HTMLSelectElement>, "onChange"> {
  label: string;
  bare?: boolean;
  options: readonly { readonly value: string; readonly text: string }[];
  onPick: (value: string) => void;
}

/** The browser's own select with its label before it, in one frame. */
export function Select({ label, bare = false, options, onPick, className, ...rest }: SelectProps) {
  return (
    <label
      className={joinClasses(
        "flex h-(--control) min-w-0 items-center rounded-md border border-border-strong bg-surface text-text-2 md:h-7",
        !bare && "pl-2.5",
        className,
      )}
    >
      <span className={bare ? "sr-only" : ""}>{label}</span>
      <select
        className="h-full pl-2 min-w-0 flex-1 truncate rounded-md bg-surface pr-1 font-medium text-text"
        onChange={(event) => { onPick(event.target.value); }}
        {...rest}
      >
        {options.map(({ value, text }) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
    </label>
  );
}

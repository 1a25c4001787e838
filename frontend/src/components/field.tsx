import { CircleX } from "lucide-react";
import type { InputHTMLAttributes, ReactNode } from "react";
import { useId } from "react";
import { joinClasses } from "../lib/format";

export const INPUT =
  "h-(--control) w-full min-w-0 rounded-md border bg-surface px-3 text-text placeholder:text-text-3 disabled:opacity-60";

interface FieldFrameProps {
  label: ReactNode;
  required?: boolean;
  hint?: ReactNode;
  problem?: string | null;
  /** Gets the ids to name it by. */
  children: (ids: { id: string; describedBy: string | undefined }) => ReactNode;
  className?: string;
}

/** A control with its label above and, below, what is wrong with it or what it means. */
export function FieldFrame({ label, required = false, hint, problem = null, children, className }: FieldFrameProps) {
  const id = useId();
  const note = `${id}-note`;
  const hasNote = problem !== null || hint !== undefined;
  return (
    <div className={joinClasses("min-w-0", className)}>
      <label htmlFor={id} className="mb-1.5 block font-medium">
        {label}{" "}
        {required && <span className={joinClasses("font-normal", problem === null ? "text-text-3" : "text-red-fg")}>required</span>}
      </label>
      {children({ id, describedBy: hasNote ? note : undefined })}
      {problem !== null ? (
        <p id={note} className="mt-1.5 flex gap-1.5 text-12 text-red-fg">
          <CircleX size={14} aria-hidden className="mt-px shrink-0" />
          <span className="min-w-0 break-words">{problem}</span>
        </p>
      ) : (
        hint !== undefined && <p id={note} className="mt-1.5 text-12 text-text-2">{hint}</p>
      )}
    </div>
  );
}

interface TextFieldProps extends Omit<InputHTMLAttributes<HTMLInputElement>, "onChange"> {
  label: ReactNode;
  value: string;
  onText: (text: string) => void;
  hint?: ReactNode;
  problem?: string | null;
  frame?: string;
}

export function TextField({ label, value, onText, hint, problem = null, required, className, frame, ...rest }: TextFieldProps) {
  return (
    <FieldFrame label={label} required={required ?? false} hint={hint} problem={problem} className={frame ?? ""}>
      {({ id, describedBy }) => (
        <input
          id={id}
          value={value}
          aria-invalid={problem !== null}
          aria-describedby={describedBy}
          aria-required={required}
          autoComplete="off"
          onChange={(event) => { onText(event.target.value); }}
          className={joinClasses(INPUT, problem === null ? "border-border-control" : "border-red-mark", className)}
          {...rest}
        />
      )}
    </FieldFrame>
  );
}

interface SelectFieldProps {
  label: ReactNode;
  value: string;
  options: readonly { readonly value: string; readonly text: string }[];
  onPick: (value: string) => void;
  hint?: ReactNode;
  problem?: string | null;
  mono?: boolean;
  frame?: string;
}

export function SelectField({ label, value, options, onPick, hint, problem = null, mono = false, frame }: SelectFieldProps) {
  return (
    <FieldFrame label={label} hint={hint} problem={problem} className={frame ?? ""}>
      {({ id, describedBy }) => (
        <select
          id={id}
          value={value}
          aria-describedby={describedBy}
          onChange={(event) => { onPick(event.target.value); }}
          className={joinClasses(INPUT, "border-border-control pr-2", mono && "font-mono")}
        >
          {options.map((option) => (
            <option key={option.value} value={option.value}>{option.text}</option>
          ))}
        </select>
      )}
    </FieldFrame>
  );
}

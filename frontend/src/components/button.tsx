import type { ButtonHTMLAttributes } from "react";
import { joinClasses } from "../lib/format";

export type ButtonKind = "primary" | "plain" | "quiet" | "danger";

const KIND: Readonly<Record<ButtonKind, string>> = {
  primary: "bg-accent text-on-accent hover:bg-accent-hover",
  plain: "border border-border-strong bg-surface text-text hover:bg-surface-2",
  quiet: "text-text-2 hover:bg-surface-2",
  danger: "border border-border-strong bg-surface text-red-fg hover:bg-red-bg",
};

/** The look of a button, for links that read as one. */
export function buttonClass(kind: ButtonKind = "plain", className?: string): string {
  return joinClasses(
    "inline-flex h-(--control) shrink-0 items-center justify-center gap-2 rounded-md px-3 font-medium whitespace-nowrap",
    "transition-colors duration-(--fast) disabled:opacity-60 md:h-7 forced-colors:border",
    KIND[kind],
    className,
  );
}

interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  kind?: ButtonKind;
}

export function Button({ kind = "plain", className, type = "button", ...rest }: ButtonProps) {
  return <button type={type} className={buttonClass(kind, className)} {...rest} />;
}

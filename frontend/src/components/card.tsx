import type { ReactNode } from "react";
import { useId } from "react";
import { joinClasses } from "../lib/format";

interface CardProps {
  title?: ReactNode;
  note?: ReactNode;
  tools?: ReactNode;
  className?: string;
  children: ReactNode;
}

/** A bordered surface; with a title it is a section of that name. Its content decides its own padding. */
export function Card({ title, note, tools, className, children }: CardProps) {
  const id = useId();
  return (
    <section
      aria-labelledby={title === undefined ? undefined : id}
      className={joinClasses("min-w-0 rounded-lg border border-border bg-surface shadow-1", className)}
    >
      {title !== undefined && (
        <div className="flex min-h-11 flex-wrap items-center gap-x-2.5 px-4 py-1">
          <h2 id={id} className="font-semibold">
            {title}
          </h2>
          {note !== undefined && <span className="text-12 text-text-3">{note}</span>}
          {tools !== undefined && <div className="ml-auto flex items-center gap-2 [&>a]:inline-flex [&>a]:min-h-6 [&>a]:items-center max-md:[&>a]:min-h-11">{tools}</div>}
        </div>
      )}
      {children}
    </section>
  );
}

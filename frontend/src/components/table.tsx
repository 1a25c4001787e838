import type { ReactNode, ThHTMLAttributes } from "react";
import { joinClasses } from "../lib/format";

/** The parts of a plain table that stands edge to edge in a card. */

interface HeadProps extends ThHTMLAttributes<HTMLTableCellElement> {
  children?: ReactNode;
}

export function Th({ children, className, ...rest }: HeadProps) {
  return (
    <th
      scope="col"
      className={joinClasses("h-9 px-2 text-left text-12 font-medium whitespace-nowrap text-text-2 first:pl-4 last:pr-4", className)}
      {...rest}
    >
      {children ?? <span className="sr-only">Actions</span>}
    </th>
  );
}

export function Td({ children, className }: { children?: ReactNode; className?: string }) {
  return <td className={joinClasses("border-t border-border px-2 first:pl-4 last:pr-4", className)}>{children}</td>;
}

/** The first cell of a row that can be chosen: a button over its text, marked by a bar at the left edge. */
export function RowHead({ children, chosen, className }: { children: ReactNode; chosen?: boolean; className?: string }) {
  return (
    <th
      scope="row"
      className={joinClasses(
        "border-t border-border px-2 text-left font-normal first:pl-4",
        chosen && "shadow-[inset_3px_0_0_var(--accent)] forced-colors:border-l-4 forced-colors:border-l-[Highlight]",
        className,
      )}
    >
      {children}
    </th>
  );
}

/** Columns in order; on narrower screens worker, waited, ran and priority leave, in that order. */
export const COLUMNS = [
  { name: "Status", className: "shrink-0 w-28" },
  { name: "Type", className: "truncate shrink-0 w-30" },
  { name: "Task", className: "shrink-0 w-40" },
  { name: "Note", className: "truncate min-w-0 flex-1" },
  { name: "Queue", className: "truncate shrink-0 w-23" },
  { name: "Priority", className: "shrink-0 w-16 text-right max-[820px]:hidden" },
  { name: "Attempt", className: "shrink-0 w-16 text-right" },
  { name: "Waited", className: "shrink-0 w-18 text-right max-[1100px]:hidden" },
  { name: "Ran", className: "shrink-0 w-20 text-right max-[960px]:hidden" },
  { name: "Worker", className: "truncate shrink-0 w-25 pl-4 max-[1279px]:hidden" },
  { name: "Changed", className: "shrink-0 w-23 pr-4 text-right" },
] as const;

type ColumnName = (typeof COLUMNS)[number]["name"];

/** The classes of a cell by its column, put together once for all rows. */
export const CELL = Object.fromEntries(
  COLUMNS.map(({ name, className }) => [name, `px-2 whitespace-nowrap ${className}`]),
) as Record<ColumnName, string>;

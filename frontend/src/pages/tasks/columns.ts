/** Columns in order; on narrower screens worker, waited, ran and priority leave, in that order. */
export const COLUMNS = [
  { name: "Status", className: "w-28" },
  { name: "Type", className: "w-30" },
  { name: "Task", className: "w-42" },
  { name: "Note", className: "" },
  { name: "Queue", className: "w-23" },
  { name: "Priority", className: "w-16 text-right max-[820px]:hidden" },
  { name: "Attempt", className: "w-17 text-right" },
  { name: "Waited", className: "w-21 text-right max-[1100px]:hidden" },
  { name: "Ran", className: "w-22 text-right max-[960px]:hidden" },
  { name: "Worker", className: "w-26 pl-4 max-[1279px]:hidden" },
  { name: "Changed", className: "w-24 pr-4 text-right" },
] as const;

export type ColumnName = (typeof COLUMNS)[number]["name"];

/** A cell may span no more, or hidden columns would come back as blank ones. */
export const ALWAYS_SHOWN = COLUMNS.filter(({ className }) => !className.includes("hidden")).length;

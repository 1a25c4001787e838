import { queryOptions } from "@tanstack/react-query";
import { readIfOffered } from "./client";
import type { components } from "./schema.gen";

export type Cost = components["schemas"]["CostOut"];

/** What Redis was asked, by day and cause; null where the server does not count. */
export function costOptions() {
  return queryOptions({
    queryKey: ["cost"],
    queryFn: ({ signal }) => readIfOffered("/stats/cost", { convert: (wire: Cost) => wire, signal }),
    meta: { live: true, everySeconds: 60 },
  });
}

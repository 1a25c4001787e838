import { queryOptions } from "@tanstack/react-query";
import { read } from "./client";

/** How long the API and its Redis took to answer, ms. */
export function readinessOptions() {
  return queryOptions({
    queryKey: ["readiness"],
    queryFn: async ({ signal }) => {
      const started = performance.now();
      await read("/ready", { convert: () => true, signal });
      return { ms: performance.now() - started };
    },
    staleTime: 10_000,
  });
}

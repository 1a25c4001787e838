import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { renderHook, waitFor } from "@testing-library/react";
import type { ReactNode } from "react";
import { expect, it, vi } from "vitest";
import { useFailures } from "./use-failures";

it("reads the groups again when the number of the dead changes, and only then", async () => {
  const asked = vi.fn(() => Promise.resolve(Response.json({ groups: [] })));
  vi.stubGlobal("fetch", asked);
  const client = new QueryClient({ defaultOptions: { queries: { staleTime: Infinity } } });
  const wrapper = ({ children }: { children: ReactNode }) => <QueryClientProvider client={client}>{children}</QueryClientProvider>;
  const { result, rerender } = renderHook(({ dead }) => useFailures(dead), { wrapper, initialProps: { dead: 0 } });
  expect(asked).not.toHaveBeenCalled();
  rerender({ dead: 1 });
  await waitFor(() => { expect(result.current.data).toEqual([]); });
  const first = asked.mock.calls.length;
  rerender({ dead: 1 });
  rerender({ dead: 2 });
  await waitFor(() => { expect(asked).toHaveBeenCalledTimes(first + 1); });
});

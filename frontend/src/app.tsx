import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { useState } from "react";
import { SignInGate } from "./pages/sign-in/sign-in-gate";
import { LiveProvider } from "./live/live";
import { createAppRouter } from "./router";

/** The poller repeats reads and knows when; so no query retries or refetches by itself. */
function createQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        retry: false,
        refetchOnWindowFocus: false,
        refetchOnReconnect: false,
        networkMode: "always",
        staleTime: 1000,
      },
      mutations: { retry: false, networkMode: "always" },
    },
  });
}

export function App() {
  const [client] = useState(createQueryClient);
  const [router] = useState(createAppRouter);
  return (
    <QueryClientProvider client={client}>
      <SignInGate>
        <LiveProvider>
          <RouterProvider router={router} />
        </LiveProvider>
      </SignInGate>
    </QueryClientProvider>
  );
}

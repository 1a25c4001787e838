import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Plugin, ViteDevServer } from "vite";
import { defineConfig } from "vitest/config";

/** Answers /api from src/test/fake-api.ts: `npm run dev:fixtures` shows every page without a server. Never in a build. */
function fixtureApi(): Plugin {
  return {
    name: "fixture-api",
    apply: "serve",
    configureServer(server: ViteDevServer) {
      server.middlewares.use("/api", (request: IncomingMessage & { originalUrl?: string | undefined }, response: ServerResponse) => {
        void (async () => {
          const { FakeApi } = (await server.ssrLoadModule("/src/test/fake-api.ts")) as {
            FakeApi: { shared(): { handle(request: Request): Promise<Response> } };
          };
          const answer = await FakeApi.shared().handle(
            new Request(`http://fixture${request.originalUrl ?? ""}`, {
              method: request.method ?? "GET",
              headers: request.headers as Record<string, string>,
            }),
          );
          response.writeHead(answer.status, Object.fromEntries(answer.headers));
          response.end(await answer.text());
        })();
      });
    },
  };
}

export default defineConfig(({ mode }) => ({
  plugins: [react(), tailwindcss(), ...(mode === "fixtures" ? [fixtureApi()] : [])],
  server: {
    port: 5173,
    // The API judges a request without a key by the host that the browser asked, so it must see that one.
    ...(mode === "fixtures"
      ? {}
      : { proxy: { "/api": { target: process.env.API_URL ?? "http://127.0.0.1:8000", changeOrigin: false } } }),
  },
  build: { target: "es2022", assetsInlineLimit: 0, reportCompressedSize: true },
  test: {
    environment: "jsdom",
    setupFiles: ["src/test/setup.ts"],
    include: ["src/**/*.test.{ts,tsx}"],
    restoreMocks: true,
    testTimeout: 30_000,
  },
}));

import { render } from "@testing-library/react";
import { vi } from "vitest";
import { forgetAnswers } from "../api/client";
import { keyStore } from "../api/key";
import { App } from "../app";
import { FakeApi } from "./fake-api";

/** The whole dashboard at an address, against an API of its own. */
export function renderApp(path: string, prepare: (api: FakeApi) => void = () => undefined): FakeApi {
  const api = new FakeApi();
  prepare(api);
  forgetAnswers();
  if (keyStore.getSnapshot().signIn !== "not-asked") keyStore.accept(null);
  vi.stubGlobal("fetch", api.fetch);
  window.history.replaceState(null, "", path);
  render(<App />);
  return api;
}

import { cleanup } from "@testing-library/react";
import { afterEach, vi } from "vitest";

afterEach(() => {
  cleanup();
  sessionStorage.clear();
});

/** What jsdom lacks. */
vi.stubGlobal("matchMedia", (query: string) => ({
  matches: false,
  media: query,
  addEventListener: () => undefined,
  removeEventListener: () => undefined,
}));
vi.stubGlobal(
  "ResizeObserver",
  class {
    observe() { /* nothing is laid out here */ }
    disconnect() { /* nothing is laid out here */ }
  },
);
Element.prototype.scrollTo = () => undefined;
window.scrollTo = () => undefined;

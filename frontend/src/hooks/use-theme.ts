import { useState, useSyncExternalStore } from "react";

export type Theme = "light" | "dark";

const STORED_AS = "dtq-theme"; // public/theme.js reads the same name before the first paint
const systemDark = () => window.matchMedia("(prefers-color-scheme: dark)");

function subscribe(listener: () => void): () => void {
  const query = systemDark();
  query.addEventListener("change", listener);
  return () => { query.removeEventListener("change", listener); };
}

function chosenTheme(): Theme | null {
  const { theme } = document.documentElement.dataset;
  return theme === "light" || theme === "dark" ? theme : null;
}

export function useTheme(): { theme: Theme; toggleTheme: () => void } {
  const system: Theme = useSyncExternalStore(subscribe, () => systemDark().matches) ? "dark" : "light";
  const [chosen, setChosen] = useState(chosenTheme);
  const theme = chosen ?? system;
  const toggleTheme = () => {
    const next: Theme = theme === "dark" ? "light" : "dark";
    document.documentElement.dataset.theme = next;
    setChosen(next);
    try {
      localStorage.setItem(STORED_AS, next);
    } catch {
      // Storage is closed to this page: the choice lasts until the next load.
    }
  };
  return { theme, toggleTheme };
}

import { useSyncExternalStore } from "react";
import { announcements } from "../lib/announcements";

/** The page's only live region that speaks by itself. */
export function Announcer() {
  const text = useSyncExternalStore(announcements.subscribe, announcements.getSnapshot);
  return <p role="status" aria-label="Announcements" className="sr-only">{text}</p>;
}

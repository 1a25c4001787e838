import type { LinkProps } from "@tanstack/react-router";
import type { LucideIcon } from "lucide-react";
import { CalendarClock, Inbox, Layers, LayoutDashboard, List, Send, Server, Settings } from "lucide-react";
import type { Role } from "../../api/overview";

export interface Place {
  readonly label: string;
  /** On the phone's bar, where it is narrow. */
  readonly short?: string;
  readonly to: NonNullable<LinkProps["to"]>;
  readonly icon: LucideIcon;
  /** After `g`. */
  readonly key: string;
  readonly needsAdmin?: boolean;
}

/** The pages there are, in the order of the sidebar. */
export const PLACES: readonly Place[] = [
  { label: "Overview", to: "/", icon: LayoutDashboard, key: "o" },
  { label: "Tasks", to: "/tasks", icon: List, key: "t" },
  { label: "Dead letters", short: "Dead", to: "/dead-letters", icon: Inbox, key: "d" },
  { label: "Queues", to: "/queues", icon: Layers, key: "q" },
  { label: "Workers", to: "/workers", icon: Server, key: "w" },
  { label: "Schedules", to: "/schedules", icon: CalendarClock, key: "s" },
];

const TOOLS: readonly Place[] = [
  { label: "Submit a task", to: "/submit", icon: Send, key: "n", needsAdmin: true },
  { label: "Settings", to: "/settings", icon: Settings, key: "e" },
];

/** What a role may open: a key that may only read is not shown what it may not do. */
export function toolsFor(role: Role | null): readonly Place[] {
  return TOOLS.filter((place) => !place.needsAdmin || role === "admin");
}

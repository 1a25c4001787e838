import type { LinkProps } from "@tanstack/react-router";
import type { LucideIcon } from "lucide-react";
import { LayoutDashboard, List } from "lucide-react";

interface Place {
  readonly label: string;
  readonly to: NonNullable<LinkProps["to"]>;
  readonly icon: LucideIcon;
}

/** The pages there are, in the order of the sidebar and of the phone's bottom bar. */
export const PLACES: readonly Place[] = [
  { label: "Overview", to: "/", icon: LayoutDashboard },
  { label: "Tasks", to: "/tasks", icon: List },
];

import type { LucideIcon } from "lucide-react";
import { Ban, CircleCheck, CircleDashed, Clock, Link2, Loader, OctagonX, RotateCw } from "lucide-react";
import type { TaskStatus } from "../api/wire";

export type Tone = "neutral" | "violet" | "blue" | "green" | "amber" | "red";

interface StatusLook {
  readonly label: string;
  readonly tone: Tone;
  readonly icon: LucideIcon;
}

/** Exhaustive: a status the API gains fails the type check here. In the order the tabs show. */
export const STATUS: Readonly<Record<TaskStatus, StatusLook>> = {
  pending: { label: "Pending", tone: "neutral", icon: CircleDashed },
  scheduled: { label: "Scheduled", tone: "violet", icon: Clock },
  waiting: { label: "Waiting", tone: "neutral", icon: Link2 },
  running: { label: "Running", tone: "blue", icon: Loader },
  retrying: { label: "Retrying", tone: "amber", icon: RotateCw },
  completed: { label: "Completed", tone: "green", icon: CircleCheck },
  dead: { label: "Dead", tone: "red", icon: OctagonX },
  cancelled: { label: "Cancelled", tone: "neutral", icon: Ban },
};

export const STATUSES = Object.keys(STATUS) as TaskStatus[];

export function isTaskStatus(value: unknown): value is TaskStatus {
  return typeof value === "string" && Object.hasOwn(STATUS, value);
}

/** The task has ended; its status changes only when someone acts. */
export function isEnded(status: TaskStatus): boolean {
  return status === "completed" || status === "dead" || status === "cancelled";
}

/** Written out, so that the style sheet holds each class. */
export const TONE_TEXT: Readonly<Record<Tone, string>> = {
  neutral: "text-neutral-fg",
  violet: "text-violet-fg",
  blue: "text-blue-fg",
  green: "text-green-fg",
  amber: "text-amber-fg",
  red: "text-red-fg",
};

export const TONE_PILL: Readonly<Record<Tone, string>> = {
  neutral: "bg-neutral-bg text-neutral-fg",
  violet: "bg-violet-bg text-violet-fg",
  blue: "bg-blue-bg text-blue-fg",
  green: "bg-green-bg text-green-fg",
  amber: "bg-amber-bg text-amber-fg",
  red: "bg-red-bg text-red-fg",
};

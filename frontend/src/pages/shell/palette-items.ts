import type { LucideIcon } from "lucide-react";
import { CalendarClock, CircleDashed, Layers, List, Pause, Play, RotateCw, Server, SquareArrowOutUpRight } from "lucide-react";
import type { ErrorGroup } from "../../api/dead-letters";
import type { Overview, Role } from "../../api/overview";
import type { Schedule } from "../../api/schedules";
import { formatCount, plural } from "../../lib/format";
import { PLACES, toolsFor } from "./navigation";

type PaletteAct =
  | { readonly kind: "go"; readonly href: string }
  | { readonly kind: "pause"; readonly queue: string }
  | { readonly kind: "resume"; readonly queue: string }
  | { readonly kind: "run"; readonly schedule: string };

export interface PaletteItem {
  readonly id: string;
  readonly section: "Commands" | "Go to" | "Tasks";
  readonly icon: LucideIcon;
  readonly text: string;
  readonly note: string;
  readonly act: PaletteAct;
}

interface PaletteInput {
  readonly text: string;
  readonly role: Role | null;
  readonly overview: Overview | undefined;
  readonly groups: readonly ErrorGroup[];
  readonly schedules: readonly Schedule[];
}

const TASK_ID = /^[0-9a-z]{1,3}-?[0-9A-Za-z-]{16,40}$/;
const SHOWN = { Commands: 8, "Go to": 8, Tasks: 4 } as const;

function search(params: Record<string, string>): string {
  return `?${new URLSearchParams(params).toString()}`;
}

function commands({ role, overview, groups, schedules }: PaletteInput): PaletteItem[] {
  const queues = overview?.queues ?? [];
  const mayAct = role === "admin";
  const list = queues.map((queue): PaletteItem => ({
    id: `tasks ${queue.name}`,
    section: "Commands",
    icon: List,
    text: `Show tasks in queue ${queue.name}`,
    note: "",
    act: { kind: "go", href: `/tasks${search({ queue: queue.name })}` },
  }));
  if (!mayAct) return list;
  const holds = queues.map((queue): PaletteItem =>
    queue.paused
      ? { id: `resume ${queue.name}`, section: "Commands", icon: Play, text: `Resume queue ${queue.name}`, note: plural(queue.counts.pending, "task waits", "tasks wait"), act: { kind: "resume", queue: queue.name } }
      : { id: `pause ${queue.name}`, section: "Commands", icon: Pause, text: `Pause queue ${queue.name}`, note: "", act: { kind: "pause", queue: queue.name } },
  );
  const requeues = groups.map((group): PaletteItem => ({
    id: `group ${group.fingerprint}`,
    section: "Commands",
    icon: RotateCw,
    text: `Requeue ${plural(group.count, "dead letter")} of ${group.task.type}…`,
    note: group.task.error?.type ?? "",
    act: { kind: "go", href: `/dead-letters${search({ group: group.fingerprint })}` },
  }));
  const runs = schedules.map((schedule): PaletteItem => ({
    id: `run ${schedule.id}`,
    section: "Commands",
    icon: Play,
    text: `Run schedule ${schedule.id} now`,
    note: schedule.spec.task.task_type,
    act: { kind: "run", schedule: schedule.id },
  }));
  return [...holds.filter((item) => item.act.kind === "resume"), ...requeues, ...holds.filter((item) => item.act.kind === "pause"), ...runs, ...list];
}

function places({ role, overview, schedules }: PaletteInput): PaletteItem[] {
  const pages = [...PLACES, ...toolsFor(role)].map(({ label, to, icon }): PaletteItem => ({
    id: `page ${to}`, section: "Go to", icon, text: label, note: "", act: { kind: "go", href: to },
  }));
  const queues = (overview?.queues ?? []).map((queue): PaletteItem => ({
    id: `queue ${queue.name}`,
    section: "Go to",
    icon: Layers,
    text: `Queue ${queue.name}`,
    note: `${queue.paused ? "paused, " : ""}${formatCount(queue.counts.pending)} pending`,
    act: { kind: "go", href: `/queues${search({ queue: queue.name })}` },
  }));
  const workers = (overview?.workers ?? []).map((worker): PaletteItem => ({
    id: `worker ${worker.name}`,
    section: "Go to",
    icon: Server,
    text: `Worker ${worker.name}`,
    note: worker.queues.join(", "),
    act: { kind: "go", href: `/workers${search({ worker: worker.name })}` },
  }));
  const timed = schedules.map((schedule): PaletteItem => ({
    id: `schedule ${schedule.id}`, section: "Go to", icon: CalendarClock, text: `Schedule ${schedule.id}`, note: schedule.paused === null ? "" : "paused", act: { kind: "go", href: `/schedules${search({ schedule: schedule.id })}` },
  }));
  return [...pages, ...queues, ...workers, ...timed];
}

function tasks({ text, overview }: PaletteInput): PaletteItem[] {
  const id = text.trim();
  if (TASK_ID.test(id))
    return [{ id: "open", section: "Tasks", icon: SquareArrowOutUpRight, text: `Open task ${id}`, note: "", act: { kind: "go", href: `/tasks/${encodeURIComponent(id)}` } }];
  const types = [...new Set(overview?.workers.flatMap((worker) => worker.types))];
  return types.map((type) => ({ id: `type ${type}`, section: "Tasks", icon: CircleDashed, text: `Tasks of type ${type}`, note: "", act: { kind: "go", href: `/tasks${search({ type })}` } }));
}

/** What fits the words, commands first; a pasted id stands alone at the top. */
export function paletteItems(input: PaletteInput): readonly PaletteItem[] {
  const found = tasks(input);
  if (found[0]?.id === "open") return found;
  const words = input.text.toLowerCase().split(/\s+/).filter(Boolean);
  const all = words.length === 0 ? [...commands(input).slice(0, 5), ...places(input)] : [...commands(input), ...places(input), ...found];
  const left: Record<PaletteItem["section"], number> = { ...SHOWN };
  return all.filter((item) => {
    const haystack = `${item.text} ${item.note}`.toLowerCase();
    return words.every((word) => haystack.includes(word)) && left[item.section]-- > 0;
  });
}

import { useQueryClient } from "@tanstack/react-query";
import { Pencil, Play, Trash2 } from "lucide-react";
import { Fragment } from "react";
import type { Schedule } from "../../api/schedules";
import { schedulesOptions } from "../../api/schedules";
import { Button } from "../../components/button";
import { Menu } from "../../components/menu";
import { Switch } from "../../components/switch";
import { RowHead, Td, Th } from "../../components/table";
import { PHONE, useMedia } from "../../hooks/use-media";
import { useNow } from "../../hooks/use-now";
import { cronWords, intervalWords } from "../../lib/cron";
import { joinClasses } from "../../lib/format";
import { formatComing, formatDuration, formatExact } from "../../lib/time";
import { sendUnlessUndone } from "../../lib/toasts";
import { RunHistory, usualMs } from "./run-history";
import { useScheduleActions } from "./use-schedule-actions";

interface ScheduleTableProps {
  schedules: readonly Schedule[];
  chosen: string | undefined;
  mayAct: boolean;
  onEdit: (schedule: Schedule) => void;
}

export function ScheduleTable({ schedules, chosen, mayAct, onEdit }: ScheduleTableProps) {
  return (
    <table className="w-full">
      <thead>
        <tr>
          {mayAct && <Th className="w-16">On</Th>}
          <Th>Schedule</Th>
          <Th className="max-md:hidden">When</Th>
          <Th className="max-xl:hidden">Time zone</Th>
          <Th className="max-md:hidden">Next run</Th>
          <Th className="max-lg:hidden">Last 10 runs</Th>
          <Th className="text-right max-xl:hidden">Usual time</Th>
          {mayAct && <Th className="text-right" />}
        </tr>
      </thead>
      <tbody>
        {schedules.map((schedule) => (
          <ScheduleRow key={schedule.id} schedule={schedule} isChosen={schedule.id === chosen} mayAct={mayAct} onEdit={onEdit} />
        ))}
      </tbody>
    </table>
  );
}

interface ScheduleRowProps {
  schedule: Schedule;
  isChosen: boolean;
  mayAct: boolean;
  onEdit: (schedule: Schedule) => void;
}

function whenWords({ spec }: Schedule): string {
  if (spec.cron) return cronWords(spec.cron);
  return spec.interval_seconds ? intervalWords(spec.interval_seconds) : "";
}

/** A long name of a zone breaks where it has a part. */
function zoneParts(zone: string) {
  return zone.split("/").map((part, index) => (index === 0 ? part : <Fragment key={part}>/<wbr />{part}</Fragment>));
}

interface NextRunProps {
  schedule: Schedule;
  now: number;
  /** In one line of a text. */
  inline?: boolean;
}

/** In how long, and when that is for the viewer; of a schedule that is off, why. */
function NextRun({ schedule: { nextAt, paused }, now, inline = false }: NextRunProps) {
  if (paused !== null)
    return inline ? (
      <>{paused === "" ? "paused" : `paused: ${paused}`}</>
    ) : (
      <>
        <span className="block text-text-2">paused</span>
        <span className="block max-w-32 truncate text-12 text-text-3 min-[1440px]:max-w-50" title={paused}>{paused === "" ? "–" : paused}</span>
      </>
    );
  const wait = nextAt.getTime() - now;
  const relative = wait <= 0 ? "now" : `in ${formatDuration(Math.ceil(wait / 1000) * 1000)}`;
  if (inline) return <time dateTime={nextAt.toISOString()} title={formatExact(nextAt)}>{relative}</time>;
  return (
    <time dateTime={nextAt.toISOString()} title={formatExact(nextAt)}>
      <span className="block font-medium">{relative}</span>
      <span className="block text-text-2">{formatComing(nextAt, now)}</span>
    </time>
  );
}

function ScheduleRow({ schedule, isChosen, mayAct, onEdit }: ScheduleRowProps) {
  const now = useNow();
  const phone = useMedia(PHONE);
  const client = useQueryClient();
  const { toggle, run, remove } = useScheduleActions();
  const { id, spec, paused } = schedule;
  const isOn = paused === null;
  const usual = usualMs(schedule.runs);
  const key = schedulesOptions().queryKey;
  const removeLater = () => {
    const before = client.getQueryData(key);
    client.setQueryData(key, (old) => old?.filter((each) => each.id !== id));
    sendUnlessUndone({
      text: `Schedule \`${id}\` is deleted; its tasks stay`,
      send: () => { remove.mutate(id); },
      onUndo: () => { client.setQueryData(key, before); },
    });
  };
  return (
    <tr className={joinClasses("h-14", isChosen && "bg-surface-2")}>
      {mayAct && (
        <Td>
          <Switch
            label={`Schedule ${id}`}
            on={isOn}
            busy={toggle.isPending}
            onToggle={(on) => { toggle.mutate({ id, on }); }}
          />
        </Td>
      )}
      <RowHead chosen={isChosen} className="max-w-40 min-[1440px]:max-w-60 max-md:w-full max-md:max-w-0 max-md:py-2">
        <span className="block truncate font-medium" title={id}>{id}</span>
        <span className="block truncate font-mono text-text-2" title={spec.task.task_type}>{spec.task.task_type}</span>
        <span className="mt-0.5 block text-12 text-text-2 md:hidden">
          {whenWords(schedule)} · <NextRun schedule={schedule} now={now} inline />
        </span>
      </RowHead>
      <Td className="max-md:hidden">
        <span className="block">{whenWords(schedule)}</span>
        <span className="block font-mono whitespace-nowrap text-text-2">{spec.cron ?? ""}</span>
      </Td>
      <Td className="text-text-2 max-xl:hidden">{spec.cron ? zoneParts(spec.zone ?? "UTC") : "–"}</Td>
      <Td className="whitespace-nowrap max-md:hidden"><NextRun schedule={schedule} now={now} /></Td>
      <Td className="max-lg:hidden"><RunHistory runs={schedule.runs} /></Td>
      <Td className="text-right whitespace-nowrap text-text-2 max-xl:hidden">{usual === null ? "–" : formatDuration(usual)}</Td>
      {mayAct && (
        <Td className="w-40 max-md:w-auto">
          <span className="flex justify-end gap-2">
            <Button className="max-md:hidden" aria-label={`Run now: ${id}`} onClick={() => { run.mutate(id); }}><Play size={14} aria-hidden />Run now</Button>
            <Menu
              label={`More for schedule ${id}`}
              items={[
                ...(phone ? [{ label: "Run now", icon: Play, run: () => { run.mutate(id); } }] : []),
                { label: "Edit", icon: Pencil, run: () => { onEdit(schedule); } },
                { label: "Delete", icon: Trash2, danger: true, run: removeLater },
              ]}
            />
          </span>
        </Td>
      )}
    </tr>
  );
}

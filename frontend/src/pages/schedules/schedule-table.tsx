import { useQueryClient } from "@tanstack/react-query";
import { Pencil, Play, Trash2 } from "lucide-react";
import type { Schedule } from "../../api/schedules";
import { schedulesOptions } from "../../api/schedules";
import { Button } from "../../components/button";
import { Menu } from "../../components/menu";
import { Switch } from "../../components/switch";
import { RowHead, Td, Th } from "../../components/table";
import { useNow } from "../../hooks/use-now";
import { cronWords, intervalWords } from "../../lib/cron";
import { joinClasses } from "../../lib/format";
import { formatComing, formatDuration, formatExact, formatRelative } from "../../lib/time";
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
          <Th className="max-lg:hidden">Time zone</Th>
          <Th>Next run</Th>
          <Th className="max-lg:hidden">Last 10 runs</Th>
          <Th className="text-right max-lg:hidden">Usual time</Th>
          {mayAct && <Th className="text-right max-sm:hidden" />}
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

function ScheduleRow({ schedule, isChosen, mayAct, onEdit }: ScheduleRowProps) {
  const now = useNow();
  const client = useQueryClient();
  const { toggle, run, remove } = useScheduleActions();
  const { id, spec, nextAt, paused } = schedule;
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
      <RowHead chosen={isChosen} className="max-w-56">
        <span className="block truncate font-medium" title={id}>{id}</span>
        <span className="block truncate font-mono text-text-2">{spec.task.task_type}</span>
      </RowHead>
      <Td className="max-md:hidden">
        <span className="block">{whenWords(schedule)}</span>
        <span className="block font-mono text-text-2">{spec.cron ?? ""}</span>
      </Td>
      <Td className="text-text-2 max-lg:hidden">{spec.cron ? spec.zone : "–"}</Td>
      <Td>
        {isOn ? (
          <time dateTime={nextAt.toISOString()} title={formatExact(nextAt)}>
            <span className="block font-medium">{formatRelative(nextAt, now)}</span>
            <span className="block text-text-2">{formatComing(nextAt, now)}</span>
          </time>
        ) : (
          <>
            <span className="block text-text-2">paused</span>
            <span className="block max-w-50 truncate text-12 text-text-3" title={paused}>{paused === "" ? "–" : paused}</span>
          </>
        )}
      </Td>
      <Td className="max-lg:hidden"><RunHistory runs={schedule.runs} /></Td>
      <Td className="text-right whitespace-nowrap text-text-2 max-lg:hidden">{usual === null ? "–" : formatDuration(usual)}</Td>
      {mayAct && (
        <Td className="w-40 max-sm:hidden">
          <span className="flex justify-end gap-2">
            <Button aria-label={`Run now: ${id}`} onClick={() => { run.mutate(id); }}><Play size={14} aria-hidden />Run now</Button>
            <Menu
              label={`More for schedule ${id}`}
              items={[
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

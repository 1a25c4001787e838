import { deleteSchedule, pauseSchedule, resumeSchedule, runSchedule } from "../../api/operations";
import type { Schedule } from "../../api/schedules";
import { schedulesOptions } from "../../api/schedules";
import { useAction } from "../../hooks/use-action";

const key = schedulesOptions().queryKey;

interface Toggle {
  readonly id: string;
  readonly on: boolean;
}

export function useScheduleActions() {
  const toggle = useAction({
    run: ({ id, on }: Toggle) => (on ? resumeSchedule(id) : pauseSchedule(id, "")),
    optimistic: {
      key,
      change: (old: readonly Schedule[], { id, on }: Toggle) => old.map((each) => (each.id === id ? { ...each, paused: on ? null : "" } : each)),
    },
    refresh: [key],
    failed: ({ id, on }) => `Schedule \`${id}\` could not be switched ${on ? "on" : "off"}`,
  });
  const run = useAction({
    run: runSchedule,
    refresh: [key, ["tasks"], ["overview"]],
    done: (_, id: string) => `Schedule \`${id}\` runs once more now`,
    failed: (id) => `Schedule \`${id}\` could not be run`,
  });
  const remove = useAction({
    run: deleteSchedule,
    refresh: [key],
    failed: (id: string) => `Schedule \`${id}\` could not be deleted`,
  });
  return { toggle, run, remove };
}

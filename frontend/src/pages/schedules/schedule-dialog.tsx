import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { SyntheticEvent } from "react";
import { useDeferredValue, useState } from "react";
import { ApiProblem, describeProblem } from "../../api/problem";
import { saveSchedule } from "../../api/operations";
import type { Schedule } from "../../api/schedules";
import { schedulesOptions } from "../../api/schedules";
import { taskTypesOptions } from "../../api/task-types";
import { Button } from "../../components/button";
import { Dialog, DialogActions } from "../../components/dialog";
import { SelectField, TextField } from "../../components/field";
import { JsonEditor, jsonFault } from "../../components/json-editor";
import { Segmented } from "../../components/segmented";
import type { Json } from "../../lib/json";
import { formatJson, parseJson } from "../../lib/json";
import { toasts } from "../../lib/toasts";
import { Preview } from "./preview";

interface ScheduleDialogProps {
  /** To change; null for a new one. */
  schedule: Schedule | null;
  taken: readonly string[];
  onClose: () => void;
}

const ZONES = Intl.supportedValuesOf("timeZone");

export function ScheduleDialog({ schedule, taken, onClose }: ScheduleDialogProps) {
  const client = useQueryClient();
  const { data: types = [] } = useQuery(taskTypesOptions());
  const spec = schedule?.spec;
  const [id, setId] = useState(schedule?.id ?? "");
  const [kind, setKind] = useState<"cron" | "interval">(spec?.interval_seconds ? "interval" : "cron");
  const [cron, setCron] = useState(spec?.cron ?? "0 9 * * 1-5");
  const [seconds, setSeconds] = useState(String(spec?.interval_seconds ?? 900));
  const [zone, setZone] = useState(spec?.zone ?? Intl.DateTimeFormat().resolvedOptions().timeZone);
  const [type, setType] = useState(spec?.task.task_type ?? "");
  const [payload, setPayload] = useState(formatJson((spec?.task.payload ?? {}) as Json));
  const [overlap, setOverlap] = useState<"allow" | "skip">(spec?.overlap ?? "allow");
  const [catchUp, setCatchUp] = useState<"skip" | "once">(spec?.catch_up ?? "skip");
  const [local, setLocal] = useState<{ field: string; text: string } | null>(null);
  const taskType = type || (types[0]?.name ?? "");
  const timing = useDeferredValue(kind === "cron" ? { cron: cron.trim(), zone } : { interval_seconds: Number(seconds) });

  const save = useMutation({
    mutationFn: () => {
      // Another type has other defaults; what was stored of the old one's is left out.
      const kept = spec?.task.task_type === taskType ? (spec.task as unknown as Record<string, Json>) : {};
      const task: Json = { ...kept, task_type: taskType, payload: parseJson(payload) };
      return saveSchedule(id.trim(), formatJson({ ...(timing as Record<string, Json>), overlap, catch_up: catchUp, task }));
    },
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: schedulesOptions().queryKey });
      toasts.show({ tone: "green", text: `Schedule \`${id.trim()}\` ${schedule === null ? "is on" : "was changed"}` });
      onClose();
    },
  });
  const problem = save.error instanceof ApiProblem ? save.error : null;
  const faultOf = (...fields: string[]): string | null => {
    if (local !== null && fields.includes(local.field)) return local.text;
    return problem?.field && fields.some((field) => problem.field === field || problem.field?.startsWith(`${field}.`)) ? describeProblem(problem) : null;
  };
  const shown = ["id", "cron", "interval_seconds", "zone", "task.task_type", "task.payload"];
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    const name = id.trim();
    const fault = jsonFault(payload, "the payload");
    if (name === "") setLocal({ field: "id", text: "Give it a name: letters, digits, dots, dashes." });
    else if (schedule === null && taken.includes(name)) setLocal({ field: "id", text: "A schedule of this name exists. Choose another name, or edit that one." });
    else if (fault !== null) setLocal({ field: "task.payload", text: fault });
    else {
      setLocal(null);
      save.mutate();
    }
  };

  return (
    <Dialog look="wide" title={schedule === null ? "New schedule" : `Edit schedule ${schedule.id}`} onClose={onClose}>
      <form noValidate onSubmit={submit} className="grid gap-4 md:grid-cols-2">
        <TextField label="Name" required value={id} onText={setId} disabled={schedule !== null} problem={faultOf("id", "schedule_id")} placeholder="daily-report" />
        <SelectField label="Type" mono value={taskType} onPick={setType} problem={faultOf("task.task_type")} options={typeChoices(types.map((each) => each.name), taskType)} />
        <div className="md:col-span-2">
          <Segmented label="When" value={kind} onPick={setKind} options={[{ value: "cron", text: "By the clock" }, { value: "interval", text: "Every so often" }]} />
        </div>
        {kind === "cron" ? (
          <>
            <TextField label="Cron" className="font-mono" value={cron} onText={setCron} problem={faultOf("cron")} hint="Minute, hour, day of month, month, day of week." />
            <TextField label="Time zone" value={zone} onText={setZone} problem={faultOf("zone")} list="zones" />
            <datalist id="zones">{ZONES.map((name) => <option key={name} value={name} />)}</datalist>
          </>
        ) : (
          <TextField label="Seconds between runs" inputMode="numeric" value={seconds} onText={setSeconds} problem={faultOf("interval_seconds")} hint="Counted from 1970, so restarts do not move it." />
        )}
        <div className="md:col-span-2"><Preview timing={timing} /></div>
        <div className="md:col-span-2"><JsonEditor label="Payload" rows={5} value={payload} onText={setPayload} problem={faultOf("task.payload")} /></div>
        <SelectField label="While its last task runs" value={overlap} onPick={(value) => { setOverlap(value === "skip" ? "skip" : "allow"); }} options={[{ value: "allow", text: "run beside it" }, { value: "skip", text: "skip this time" }]} />
        <SelectField label="Times missed while nothing ran" value={catchUp} onPick={(value) => { setCatchUp(value === "once" ? "once" : "skip"); }} options={[{ value: "skip", text: "leave them out" }, { value: "once", text: "run once for all of them" }]} />
        {save.error !== null && !shown.some((field) => faultOf(field) !== null) && (
          <p role="alert" className="text-red-fg md:col-span-2">{describeProblem(save.error)}</p>
        )}
        <div className="md:col-span-2">
          <DialogActions>
            <Button onClick={onClose}>Leave as it is</Button>
            <Button type="submit" kind="primary" aria-disabled={save.isPending}>{schedule === null ? "Create schedule" : "Save schedule"}</Button>
          </DialogActions>
        </div>
      </form>
    </Dialog>
  );
}

function typeChoices(names: readonly string[], chosen: string) {
  return [...new Set([...names, ...(chosen === "" ? [] : [chosen])])].sort().map((value) => ({ value, text: value }));
}

import { useQuery } from "@tanstack/react-query";
import { ChevronDown, ChevronRight, Send } from "lucide-react";
import type { KeyboardEvent, SyntheticEvent } from "react";
import { useEffect, useRef, useState } from "react";
import { overviewOptions } from "../../api/overview";
import type { TaskType } from "../../api/task-types";
import { Button } from "../../components/button";
import { Card } from "../../components/card";
import { FieldFrame, SelectField, TextField } from "../../components/field";
import { JsonEditor } from "../../components/json-editor";
import { Kbd } from "../../components/kbd";
import { SchemaForm } from "../../components/schema-form";
import { Segmented } from "../../components/segmented";
import { plural } from "../../lib/format";
import { CodeCard } from "./code-card";
import { RunField } from "./run-field";
import { SubmittedCard } from "./submitted-card";
import { useSubmission } from "./use-submission";

/** Of one into an empty queue that no worker is handed, without keys and limits; the prices' test holds it. */
const SUBMIT_CALLS = 6;

interface SubmitFormProps {
  type: TaskType;
  types: readonly TaskType[];
  onType: (name: string) => void;
}

export function SubmitForm({ type, types, onType }: SubmitFormProps) {
  const form = useRef<HTMLFormElement>(null);
  const submission = useSubmission(type);
  const { fields, faults, options, values, setOption } = submission;
  const [chosenView, setView] = useState<"form" | "json" | null>(null);
  const [isOpen, setOpen] = useState(false);
  const [sent, setSent] = useState(0);
  const { data: overview } = useQuery({ ...overviewOptions(), enabled: false });
  const queues = [...new Set([type.queue, ...(overview?.queues.map((queue) => queue.name) ?? [])])].sort();
  const needed = Object.keys(faults).length + (submission.payloadFault === null ? 0 : 1);
  const view = chosenView ?? (fields.length > 0 ? "form" : "json");
  const isForm = view === "form" && values !== null;

  useEffect(() => {
    if (sent > 0) form.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
  }, [sent]);
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    if (!submission.isPending && !submission.send()) setSent((count) => count + 1);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Enter" && (event.metaKey || event.ctrlKey)) submit(event);
  };

  return (
    <div className="grid items-start gap-3 md:gap-4 xl:grid-cols-[1fr_28rem]">
      <Card>
        <form ref={form} noValidate onSubmit={submit} onKeyDown={onKeyDown} className="p-5">
          <h2 className="sr-only">Task</h2>
          <div className="grid gap-4 md:grid-cols-[1.4fr_1fr]">
            <SelectField label="Type" mono value={type.name} onPick={onType} hint={[type.description, `${plural(types.length, "type is", "types are")} registered.`].filter(Boolean).join(" ")} options={types.map(({ name, isLive }) => ({ value: name, text: isLive ? name : `${name} (no live worker)` }))} />
            <SelectField label="Queue" value={options.queue} onPick={(queue) => { setOption("queue", queue); }} hint={options.queue === "" ? "The type’s default." : undefined} options={[{ value: "", text: type.queue }, ...queues.filter((name) => name !== type.queue).map((name) => ({ value: name, text: name }))]} />
          </div>
          <div className="mt-5 flex flex-wrap items-center justify-between gap-2 border-t border-border pt-4">
            <h3 className="font-semibold">Payload</h3>
            <Segmented label="Write the payload as" value={isForm ? "form" : "json"} onPick={setView} options={[{ value: "form", text: "Form" }, { value: "json", text: "JSON" }]} />
          </div>
          <div className="mt-4">
            {isForm ? (
              fields.length === 0 ? (
                <p className="text-text-2">This type publishes no fields. Write its payload as JSON.</p>
              ) : (
                <SchemaForm key={type.name} fields={fields} values={values} faults={faults} onChange={submission.change} />
              )
            ) : (
              <JsonEditor label="Payload as JSON" rows={12} value={submission.text} onText={submission.setText} problem={submission.payloadFault ?? Object.entries(faults).map(([name, fault]) => `${name}: ${fault}`)[0] ?? null} />
            )}
          </div>
          <div className="mt-5 grid gap-4 border-t border-border pt-4 md:grid-cols-3">
            <FieldFrame label="Priority" hint="10 runs first.">
              {({ id, describedBy }) => (
                <div className="flex h-(--control) items-center gap-4">
                  <input id={id} type="range" min={1} max={10} value={options.priority} aria-describedby={describedBy} onChange={(event) => { setOption("priority", Number(event.target.value)); }} className="h-full min-h-6 min-w-0 flex-1 accent-accent" />
                  <span className="w-5 text-right font-medium">{options.priority}</span>
                </div>
              )}
            </FieldFrame>
            <RunField delay={options.delay} onDelay={(text) => { setOption("delay", text); }} problem={submission.refusedField === "delay_seconds" ? submission.refusal : null} />
            <TextField label="Idempotency key" placeholder="optional" hint="The same key gives the same task, once." value={options.idempotencyKey} onText={(text) => { setOption("idempotencyKey", text); }} problem={submission.refusedField === "idempotency_key" ? submission.refusal : null} />
          </div>
          <button type="button" aria-expanded={isOpen} onClick={() => { setOpen(!isOpen); }} className="mt-4 flex min-h-6 max-md:min-h-11 items-center gap-2 font-medium text-accent">
            {isOpen ? <ChevronDown size={14} aria-hidden /> : <ChevronRight size={14} aria-hidden />}
            Retries and timeout
          </button>
          {isOpen && (
            <div className="mt-3 grid gap-4 md:grid-cols-2">
              <TextField label="Retries" inputMode="numeric" placeholder={`${type.maxRetries}, the type’s`} value={options.maxRetries} onText={(text) => { setOption("maxRetries", text); }} problem={submission.refusedField === "max_retries" ? submission.refusal : null} />
              <TextField label="Timeout of an attempt, seconds" inputMode="decimal" placeholder={`${type.timeoutSeconds}, the type’s`} value={options.timeout} onText={(text) => { setOption("timeout", text); }} problem={submission.refusedField === "timeout_seconds" ? submission.refusal : null} />
            </div>
          )}
          <div className="mt-5 flex flex-wrap items-center gap-3 border-t border-border pt-4">
            <Button type="submit" kind="primary" aria-disabled={submission.isPending} className="max-md:w-full md:h-8">
              <Send size={14} aria-hidden />
              {submission.isPending ? "Submitting" : "Submit"}
              <Kbd keys="Ctrl ↵" onAccent className="max-md:hidden" />
            </Button>
            <p role="status" className="min-w-0 break-words text-red-fg">
              {needed > 0 ? plural(needed, "field needs you", "fields need you") : (submission.refusal ?? "")}
            </p>
            <p className="ml-auto text-12 text-text-2">{submission.calls === null ? `costs about ${SUBMIT_CALLS} commands` : `the last one cost ${plural(submission.calls, "command")}`}</p>
          </div>
        </form>
      </Card>
      <div className="flex min-w-0 flex-col gap-3 md:gap-4">
        <CodeCard body={submission.body} />
        <SubmittedCard />
      </div>
    </div>
  );
}

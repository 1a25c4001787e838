import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { redisCallsOf } from "../../api/client";
import { submissionText, submitTask } from "../../api/operations";
import { ApiProblem, describeProblem } from "../../api/problem";
import type { TaskType } from "../../api/task-types";
import type { Values } from "../../components/schema-form";
import { jsonFault } from "../../components/json-editor";
import type { Json } from "../../lib/json";
import { formatJson, parseJson } from "../../lib/json";
import { fieldFault, fieldsOf } from "../../lib/schema-fields";
import { submitted } from "../../lib/submitted";

export interface Options {
  readonly queue: string;
  readonly priority: number;
  /** Seconds from now; empty for now. */
  readonly delay: string;
  readonly idempotencyKey: string;
  readonly maxRetries: string;
  readonly timeout: string;
}

const NO_OPTIONS: Options = { queue: "", priority: 5, delay: "", idempotencyKey: "", maxRetries: "", timeout: "" };

function toNumber(text: string): number | string | undefined {
  const trimmed = text.trim();
  if (trimmed === "") return undefined;
  return Number.isNaN(Number(trimmed)) ? trimmed : Number(trimmed);
}

function toBody(options: Options): Record<string, unknown> {
  return {
    queue: options.queue || undefined,
    priority: options.priority === 5 ? undefined : options.priority,
    delay_seconds: toNumber(options.delay),
    idempotency_key: options.idempotencyKey || undefined,
    max_retries: toNumber(options.maxRetries),
    timeout_seconds: toNumber(options.timeout),
  };
}

function readObject(text: string): Values | null {
  try {
    const value = parseJson(text);
    return value !== null && typeof value === "object" && !Array.isArray(value) && !("source" in value) ? value : null;
  } catch {
    return null; // not JSON yet: the editor says where
  }
}

/** One submission being written. The payload's text is the truth; the form and the JSON editor both write it. */
export function useSubmission(type: TaskType) {
  const client = useQueryClient();
  const fields = fieldsOf(type.schema);
  const [text, setText] = useState("{}");
  const [options, setOptions] = useState(NO_OPTIONS);
  const [isJudged, setJudged] = useState(false);
  const [startedFor, setStartedFor] = useState(type.name);
  // Another type begins anew here instead of in a form of its own, which would take the focus from the list of types.
  if (startedFor !== type.name) {
    setStartedFor(type.name);
    setText("{}");
    setOptions(NO_OPTIONS);
    setJudged(false);
  }
  const values = readObject(text);

  const submit = useMutation({
    mutationFn: (name: string) => submitTask({ type: name, payload: text, options: toBody(options) }),
    onSuccess: ({ id }, name) => {
      submitted.add({ id, type: name, at: Date.now() });
      setJudged(false);
      void client.invalidateQueries({ queryKey: ["overview"] });
      void client.invalidateQueries({ queryKey: ["tasks"] });
    },
  });

  const faults: Record<string, string> = {};
  if (isJudged && values !== null)
    for (const field of fields) {
      const fault = fieldFault(field, values[field.name]);
      if (fault !== null) faults[field.name] = fault;
    }
  const error = submit.variables === type.name ? submit.error : null;
  const problem = error instanceof ApiProblem ? error : null;
  const place = problem?.field ?? null;
  const inPayload = place === null ? null : (/^payload\.([^.[]+)/.exec(place)?.[1] ?? null);
  const words = problem === null ? null : describeProblem(problem).replace(`${place ?? ""}: `, "");
  if (inPayload !== null && words !== null) faults[inPayload] ??= words;

  const change = (name: string, value: Json | undefined) => {
    const next = Object.fromEntries(Object.entries({ ...values, [name]: value }).filter((entry): entry is [string, Json] => entry[1] !== undefined));
    setText(formatJson(next));
    if (submit.isError) submit.reset();
  };
  const shownFields = new Set(fields.map((field) => field.name));
  return {
    fields,
    text,
    values,
    options,
    faults,
    isPending: submit.isPending,
    last: submit.data,
    /** What the server refused and no field shows. */
    refusal: error === null || (inPayload !== null && shownFields.has(inPayload)) ? null : describeProblem(error),
    refusedField: place,
    payloadFault: isJudged ? jsonFault(text, "a JSON object") : null,
    body: formatJson(parseJson(submissionText({ type: type.name, payload: values === null ? "{}" : text, options: toBody(options) }))),
    calls: redisCallsOf("POST /tasks"),
    change,
    setText: (next: string) => { setText(next); if (submit.isError) submit.reset(); },
    setOption: <Name extends keyof Options>(name: Name, value: Options[Name]) => {
      setOptions((old) => ({ ...old, [name]: value }));
      if (submit.isError) submit.reset();
    },
    /** Judges and sends; false when a field needs the user first. */
    send: (): boolean => {
      setJudged(true);
      const isFine = values !== null && fields.every((field) => fieldFault(field, values[field.name]) === null);
      if (isFine) submit.mutate(type.name);
      return isFine;
    },
  };
}

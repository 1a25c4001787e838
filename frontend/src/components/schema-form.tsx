import type { Json } from "../lib/json";
import { ExactNumber, formatJson, parseJson } from "../lib/json";
import type { SchemaField } from "../lib/schema-fields";
import { useState } from "react";
import { FieldFrame, INPUT, SelectField, TextField } from "./field";
import { JsonEditor } from "./json-editor";
import { Segmented } from "./segmented";

export type Values = Readonly<Record<string, Json>>;

interface SchemaFormProps {
  fields: readonly SchemaField[];
  values: Values;
  /** What is wrong, by name of the field. */
  faults: Readonly<Record<string, string>>;
  /** Undefined takes the field out. */
  onChange: (name: string, value: Json | undefined) => void;
}

/** A form from a JSON Schema. Fields of no simple kind are written as JSON. */
export function SchemaForm({ fields, values, faults, onChange }: SchemaFormProps) {
  return (
    <div className="grid gap-x-4 gap-y-4 md:grid-cols-2">
      {fields.map((field) => (
        <div key={field.name} data-field={field.name} className={isWide(field) ? "md:col-span-2" : ""}>
          <OneField field={field} value={values[field.name]} fault={faults[field.name] ?? null} onChange={(value) => { onChange(field.name, value); }} />
        </div>
      ))}
    </div>
  );
}

function isWide({ kind, required }: SchemaField): boolean {
  return kind === "long-text" || kind === "json" || (required && kind === "text");
}

interface OneFieldProps {
  field: SchemaField;
  value: Json | undefined;
  fault: string | null;
  onChange: (value: Json | undefined) => void;
}

function OneField({ field, value, fault, onChange }: OneFieldProps) {
  const { kind, label, required, description, choices, placeholder } = field;
  const hint = description === "" ? undefined : description;
  const shared = { label, required, hint, problem: fault };
  const written = typeof value === "string" ? value : value === undefined ? "" : formatJson(value);
  switch (kind) {
    case "text":
      return <TextField {...shared} value={written} placeholder={placeholder} onText={(text) => { onChange(text === "" ? undefined : text); }} />;
    case "integer":
    case "number":
      return <TextField {...shared} value={written} inputMode="decimal" placeholder={placeholder} onText={(text) => { onChange(toNumber(text)); }} />;
    case "long-text":
      return (
        <FieldFrame {...shared}>
          {({ id, describedBy }) => (
            <textarea
              id={id}
              rows={3}
              value={written}
              aria-describedby={describedBy}
              aria-invalid={fault !== null}
              placeholder={placeholder}
              onChange={(event) => { onChange(event.target.value === "" ? undefined : event.target.value); }}
              className={`${INPUT} h-auto resize-y py-1.5 ${fault === null ? "border-border-control" : "border-red-mark"}`}
            />
          )}
        </FieldFrame>
      );
    case "boolean":
      return <SelectField label={label} hint={hint} problem={fault} value={value === undefined ? "" : String(value === true)} onPick={(text) => { onChange(text === "" ? undefined : text === "true"); }} options={[{ value: "", text: placeholder === "" ? "–" : `default (${placeholder})` }, { value: "true", text: "yes" }, { value: "false", text: "no" }]} />;
    case "choice":
      return choices.length <= 4 && (required || choices.includes(placeholder)) ? (
        <div>
          <p className="mb-1.5 font-medium">{label}</p>
          <Segmented label={label} value={written === "" ? placeholder : written} onPick={onChange} options={choices.map((text) => ({ value: text, text }))} className="flex w-full" />
          {hint !== undefined && <p className="mt-1.5 text-12 text-text-2">{hint}</p>}
        </div>
      ) : (
        <SelectField label={label} hint={hint} problem={fault} value={written} onPick={(text) => { onChange(text === "" ? undefined : text); }} options={[{ value: "", text: placeholder === "" ? "–" : `default (${placeholder})` }, ...choices.map((text) => ({ value: text, text }))]} />
      );
    case "json":
      return <JsonField field={field} value={value} fault={fault} onChange={onChange} />;
  }
}

/** Keeps the text while it is no JSON yet. A bare word is taken as the text that it is. */
function JsonField({ field, value, fault, onChange }: OneFieldProps) {
  const [text, setText] = useState(value === undefined ? "" : formatJson(value));
  const change = (next: string) => {
    setText(next);
    if (next.trim() === "") onChange(undefined);
    else
      try {
        onChange(parseJson(next));
      } catch {
        onChange(next); // sent as a text, which the schema may allow
      }
  };
  const label = `${field.label}${field.required ? " (required)" : ""}`;
  return <JsonEditor label={label} rows={3} value={text} onText={change} problem={fault} hint={`${field.description} Any JSON; what is none is sent as text.`.trim()} />;
}

function toNumber(text: string): Json | undefined {
  const trimmed = text.trim();
  if (trimmed === "") return undefined;
  return /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(trimmed) ? new ExactNumber(trimmed) : trimmed;
}

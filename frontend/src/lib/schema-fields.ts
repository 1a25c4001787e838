import type { Json } from "./json";

/** What a form shows for a JSON Schema. Pure; the server remains the judge of what is valid. */

export interface Schema {
  readonly type?: string | readonly string[];
  readonly title?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly examples?: readonly unknown[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly format?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, Schema>>;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxLength?: number;
}

type FieldKind = "text" | "long-text" | "number" | "integer" | "boolean" | "choice" | "json";

export interface SchemaField {
  readonly name: string;
  readonly label: string;
  readonly kind: FieldKind;
  readonly required: boolean;
  readonly description: string;
  readonly choices: readonly string[];
  readonly placeholder: string;
  readonly schema: Schema;
}

/** Follows $ref within the document, takes the part of a union that is not null, and the only part of an allOf. */
function resolve(schema: Schema, root: Schema, depth = 0): Schema {
  if (depth > 8) return {};
  if (schema.$ref !== undefined) {
    const target = root.$defs?.[schema.$ref.replace("#/$defs/", "")] ?? {};
    return resolve({ ...target, ...without(schema, "$ref") }, root, depth + 1);
  }
  const union = schema.anyOf ?? schema.oneOf;
  if (union !== undefined) {
    const parts = union.map((part) => resolve(part, root, depth + 1)).filter((part) => part.type !== "null");
    const only = parts[0];
    if (parts.length === 1 && only !== undefined) return { ...only, ...without(without(schema, "anyOf"), "oneOf") };
    return { ...without(without(schema, "anyOf"), "oneOf") };
  }
  const [only] = schema.allOf ?? [];
  if (only !== undefined && schema.allOf?.length === 1) return resolve({ ...only, ...without(schema, "allOf") }, root, depth + 1);
  return schema;
}

function without(schema: Schema, key: keyof Schema): Schema {
  return Object.fromEntries(Object.entries(schema).filter(([name]) => name !== key));
}

const ACRONYMS: ReadonlySet<string> = new Set(["url", "id", "ip", "sql", "csv", "html", "json", "uri", "cc"]);

function labelOf(name: string): string {
  const words = name.replaceAll("_", " ").trim();
  return ACRONYMS.has(words) ? words.toUpperCase() : words.charAt(0).toUpperCase() + words.slice(1);
}

function kindOf(schema: Schema, name: string): FieldKind {
  if (schema.enum?.every((value) => typeof value === "string")) return "choice";
  switch (schema.type) {
    case "string":
      return ["body", "text", "html", "message", "sql", "csv", "content", "inline"].includes(name) ? "long-text" : "text";
    case "integer":
      return "integer";
    case "number":
      return "number";
    case "boolean":
      return "boolean";
    default:
      return "json";
  }
}

/** The fields of an object schema, the required ones first. */
export function fieldsOf(root: Schema): readonly SchemaField[] {
  const object = resolve(root, root);
  const required = new Set(object.required ?? []);
  const fields = Object.entries(object.properties ?? {}).map(([name, part]): SchemaField => {
    const schema = resolve(part, root);
    const known = schema.default ?? schema.examples?.[0];
    return {
      name,
      label: labelOf(name),
      kind: kindOf(schema, name),
      required: required.has(name),
      description: schema.description ?? "",
      choices: (schema.enum ?? []).filter((value) => typeof value === "string"),
      placeholder: known === undefined || known === null ? "" : typeof known === "string" ? known : JSON.stringify(known),
      schema,
    };
  });
  return [...fields.filter((field) => field.required), ...fields.filter((field) => !field.required)];
}

/** What is wrong with a value that a form can tell by itself; the rest is the server's to say. */
export function fieldFault(field: SchemaField, value: Json | undefined): string | null {
  if (value === undefined || value === "") return field.required ? `${field.label} is needed.` : null;
  if (field.kind !== "integer" && field.kind !== "number") return null;
  const number = Number(typeof value === "object" && value !== null && "source" in value ? value.source : value);
  const { minimum, maximum } = field.schema;
  if (Number.isNaN(number) || typeof value === "string") return "Write a number.";
  if (field.kind === "integer" && !Number.isInteger(number)) return "Write a whole number.";
  if (minimum !== undefined && number < minimum) return `At least ${minimum}.`;
  if (maximum !== undefined && number > maximum) return `At most ${maximum}.`;
  return null;
}

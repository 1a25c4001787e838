import { describe, expect, it } from "vitest";
import { ExactNumber } from "./json";
import type { Schema } from "./schema-fields";
import { fieldFault, fieldsOf } from "./schema-fields";

const SCHEMA: Schema = {
  $defs: { Method: { type: "string", enum: ["POST", "PUT"] } },
  type: "object",
  required: ["url"],
  properties: {
    retries: { anyOf: [{ type: "integer", minimum: 0, maximum: 5 }, { type: "null" }], default: 3 },
    url: { type: "string", description: "Where to." },
    method: { $ref: "#/$defs/Method", default: "POST" },
    to: { anyOf: [{ type: "string" }, { type: "array", items: { type: "string" } }] },
    body: { type: "string" },
  },
};

describe("fieldsOf", () => {
  const fields = fieldsOf(SCHEMA);
  const of = (name: string) => fields.find((field) => field.name === name);

  it("puts required fields first and names them", () => {
    expect(fields.map((field) => field.name)).toEqual(["url", "retries", "method", "to", "body"]);
    expect(of("url")).toMatchObject({ label: "URL", required: true, description: "Where to." });
  });

  it("follows references and takes the part of a union that is not null", () => {
    expect(of("method")).toMatchObject({ kind: "choice", choices: ["POST", "PUT"], placeholder: "POST" });
    expect(of("retries")).toMatchObject({ kind: "integer", placeholder: "3" });
  });

  it("leaves what has no single form to JSON", () => {
    expect(of("to")?.kind).toBe("json");
    expect(of("body")?.kind).toBe("long-text");
  });

  it("does not follow a reference to itself for ever", () => {
    expect(fieldsOf({ $defs: { A: { $ref: "#/$defs/A" } }, $ref: "#/$defs/A" })).toEqual([]);
  });
});

describe("fieldFault", () => {
  const [url, retries] = fieldsOf(SCHEMA);
  it.each([
    [url, undefined, "URL is needed."],
    [url, "x", null],
    [retries, undefined, null],
    [retries, "many", "Write a number."],
    [retries, 9, "At most 5."],
    [retries, new ExactNumber("-1.0"), "At least 0."],
    [retries, 1.5, "Write a whole number."],
  ] as const)("%# ", (field, value, fault) => {
    if (field === undefined) throw new Error("no field");
    expect(fieldFault(field, value)).toBe(fault);
  });
});

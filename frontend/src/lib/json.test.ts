import { describe, expect, it } from "vitest";
import { ExactNumber, formatJson, parseJson } from "./json";

describe("parseJson", () => {
  it.each(["9007199254740993", "90071992547409931", "-123456789012345678901234567890", "1.0", "1e400", "0.10", "1E5", "-0"])(
    "keeps %s as it was written",
    (source) => {
      const value = parseJson(source);
      expect(value).toBeInstanceOf(ExactNumber);
      expect(formatJson(value)).toBe(source);
    },
  );

  it.each(["0", "5", "-12", "0.5", "9007199254740991"])("makes a number of %s", (source) => {
    expect(parseJson(source)).toBe(Number(source));
  });

  it.each([
    '{"a": [1, {"b": null}], "c": "\\u00e9\\n\\"", "d": true, "e": false}',
    "[]",
    "{}",
    ' [ 1 , 2 ] ',
    '"\u2028 text"',
  ])("agrees with JSON.parse on %s", (text) => {
    expect(parseJson(text)).toEqual(JSON.parse(text));
  });

  it.each(["", "{", "[1,]", '{"a":}', "{a:1}", "01", "+1", "nul", "1 2", '"open', "[1 2]", ".5", '"\n"'])("refuses %j", (text) => {
    expect(() => parseJson(text)).toThrow(SyntaxError);
  });

  it("keeps a key named __proto__ as a key", () => {
    const value = parseJson('{"__proto__": {"a": 1}}');
    expect(Object.keys(value as object)).toEqual(["__proto__"]);
    expect(formatJson(value)).toContain('"__proto__"');
  });

  it("reads a long string and refuses endless nesting", () => {
    const long = JSON.stringify("x\\".repeat(200_000));
    expect(parseJson(long)).toBe(JSON.parse(long));
    expect(() => parseJson("[".repeat(100_000))).toThrow(/nested deeper/);
  });
});

describe("formatJson", () => {
  it("indents by two and keeps empty ones on a line", () => {
    expect(formatJson(parseJson('{"id":90071992547409931,"list":[1,"a"],"none":{},"no":[]}'))).toBe(
      '{\n  "id": 90071992547409931,\n  "list": [\n    1,\n    "a"\n  ],\n  "none": {},\n  "no": []\n}',
    );
  });
});

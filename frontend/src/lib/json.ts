/**
 * JSON that loses nothing: a number JavaScript cannot hold exactly (an integer beyond 2^53, 1.0, 1e400) keeps the text
 * it was written with. Everything else becomes what JSON.parse makes of it.
 */
export class ExactNumber {
  constructor(readonly source: string) {}
}

export type Json = null | boolean | number | string | ExactNumber | Json[] | { [key: string]: Json };

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const SPACE = /[ \t\n\r]*/y;
const STRING = /"[^"\\]*(?:\\.[^"\\]*)*"/y;
const DEPTH_LIMIT = 1000;

class Reader {
  private at = 0;

  constructor(private readonly text: string) {}

  document(): Json {
    const value = this.value(0);
    this.match(SPACE);
    if (this.at < this.text.length) throw this.wrong();
    return value;
  }

  private value(depth: number): Json {
    if (depth > DEPTH_LIMIT) throw new SyntaxError(`JSON is nested deeper than ${DEPTH_LIMIT}`);
    this.match(SPACE);
    switch (this.text[this.at]) {
      case "{":
        return this.object(depth);
      case "[":
        return this.array(depth);
      case '"':
        return this.string();
      case "t":
        return this.word("true", true);
      case "f":
        return this.word("false", false);
      case "n":
        return this.word("null", null);
      default:
        return this.number();
    }
  }

  private object(depth: number): Json {
    const entries: [string, Json][] = [];
    this.at += 1;
    if (this.next("}")) return {};
    do {
      this.match(SPACE);
      const key = this.string();
      if (!this.next(":")) throw this.wrong();
      entries.push([key, this.value(depth + 1)]);
    } while (this.next(","));
    if (!this.next("}")) throw this.wrong();
    return Object.fromEntries(entries); // defines own properties, so a key named __proto__ stays a key
  }

  private array(depth: number): Json {
    const items: Json[] = [];
    this.at += 1;
    if (this.next("]")) return items;
    do items.push(this.value(depth + 1));
    while (this.next(","));
    if (!this.next("]")) throw this.wrong();
    return items;
  }

  private string(): string {
    const source = this.match(STRING);
    if (source === "") throw this.wrong();
    return JSON.parse(source) as string;
  }

  private number(): number | ExactNumber {
    const source = this.match(NUMBER);
    if (source === "") throw this.wrong();
    const value = Number(source);
    return String(value) === source ? value : new ExactNumber(source);
  }

  private word<T extends Json>(word: string, value: T): T {
    if (!this.text.startsWith(word, this.at)) throw this.wrong();
    this.at += word.length;
    return value;
  }

  /** Steps over `mark` if it comes next, spaces aside. */
  private next(mark: string): boolean {
    this.match(SPACE);
    if (this.text[this.at] !== mark) return false;
    this.at += 1;
    return true;
  }

  private match(pattern: RegExp): string {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0] ?? "";
    this.at += found.length;
    return found;
  }

  private wrong(): SyntaxError {
    return new SyntaxError(`JSON is not valid at character ${this.at}`);
  }
}

export function parseJson(text: string): Json {
  return new Reader(text).document();
}

/** Two-space JSON text of a value read by `parseJson`, numbers as they were written. */
export function formatJson(value: Json, indent = ""): string {
  if (value instanceof ExactNumber) return value.source;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const deeper = `${indent}  `;
  const [open, close, parts] = Array.isArray(value)
    ? ["[", "]", value.map((item) => formatJson(item, deeper))]
    : ["{", "}", Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}: ${formatJson(item, deeper)}`)];
  if (parts.length === 0) return `${open}${close}`;
  return `${open}\n${deeper}${parts.join(`,\n${deeper}`)}\n${indent}${close}`;
}

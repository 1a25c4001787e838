/** What went wrong with a read or an action, in the words of the server's problem+json where it sent one. */
export class ApiProblem extends Error {
  constructor(
    /** 0 when no answer came at all. */
    readonly status: number,
    readonly title: string,
    readonly detail: string,
    readonly url: string,
    readonly requestId: string | null = null,
    readonly fix: string | null = null,
    /** Place of the fault in what was sent, as in `payload.to`. */
    readonly field: string | null = null,
    readonly rule: string | null = null,
  ) {
    super(detail === "" ? title : `${title}. ${detail}`);
    this.name = "ApiProblem";
  }

  /** True when trying the same again later may work: no answer, too many requests, or the server's own trouble. */
  get isPassing(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }

  /** What someone needs who is asked for help, to copy. */
  get details(): string {
    const lines = [`URL: ${this.url}`, `Status: ${this.status === 0 ? "no answer" : this.status}`, this.message];
    if (this.requestId !== null) lines.unshift(`Request: ${this.requestId}`);
    return [...lines, `Time: ${new Date().toISOString()}`].join("\n");
  }
}

/** Whether the server has no such route. */
export function isNotOffered(error: unknown): boolean {
  return error instanceof ApiProblem && (error.status === 404 || error.status === 405 || error.status === 501);
}

/** One sentence about any error, and no stack trace of ours. A code helps only where the server itself was in trouble. */
export function describeProblem(error: unknown): string {
  if (error instanceof ApiProblem) {
    const code = error.status < 500 ? "" : ` (${error.status})`;
    return `${(error.detail || error.title).replace(/\.$/, "")}${code}.`;
  }
  return "The answer could not be read.";
}

function text(value: unknown): string | null {
  return typeof value === "string" && value !== "" ? value : null;
}

export async function readProblem(response: Response, url: string): Promise<ApiProblem> {
  let body: Record<string, unknown> = {};
  try {
    const parsed: unknown = await response.json();
    if (parsed !== null && typeof parsed === "object") body = parsed as Record<string, unknown>;
  } catch {
    // Not JSON: a proxy answered, or nobody. The status says enough.
  }
  return new ApiProblem(
    response.status,
    text(body.title) ?? "The server refused the request",
    text(body.detail) ?? "",
    url,
    response.headers.get("X-Request-ID"),
    text(body.fix),
    text(body.field),
    text(body.rule),
  );
}

import { parseJson } from "../lib/json";
import { keyStore } from "./key";
import { ApiProblem, isNotOffered, readProblem } from "./problem";

/** The only place that fetches. Reads carry the last ETag, so an unchanged answer costs a header, not a body. */

const REMEMBERED_ANSWERS = 32;
const TIMEOUT_MS = 20_000;

interface Remembered {
  readonly etag: string;
  readonly value: unknown;
}

const remembered = new Map<string, Remembered>();
const paceListeners = new Set<(seconds: number) => void>();

/** Calls `listener` whenever the server names its pace in X-Poll-Seconds. */
export function onPace(listener: (seconds: number) => void): () => void {
  paceListeners.add(listener);
  return () => paceListeners.delete(listener);
}

const lastCalls = new Map<string, number>();

/** What the last such request cost in Redis calls, as the server told, as in "POST /tasks"; null before the first. */
export function redisCallsOf(request: string): number | null {
  return lastCalls.get(request) ?? null;
}

/** Drops every kept answer: another key may see other things. */
export function forgetAnswers(): void {
  remembered.clear();
}

function remember(id: string, answer: Remembered): void {
  remembered.delete(id);
  remembered.set(id, answer);
  const oldest = remembered.keys().next();
  if (remembered.size > REMEMBERED_ANSWERS && !oldest.done) remembered.delete(oldest.value);
}

function announcePace(response: Response): void {
  const seconds = Number(response.headers.get("X-Poll-Seconds") ?? Number.NaN);
  if (Number.isFinite(seconds) && seconds > 0) for (const listener of paceListeners) listener(seconds);
}

type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

interface SendOptions {
  method?: Method;
  /** JSON text of the body. */
  body?: string | undefined;
  etag?: string | undefined;
  signal?: AbortSignal | undefined;
  key?: string | null | undefined;
}

async function send(path: string, options: SendOptions): Promise<Response> {
  const headers = new Headers({ Accept: "application/json" });
  const key = options.key === undefined ? keyStore.getSnapshot().key : options.key;
  if (key !== null) headers.set("Authorization", `Bearer ${key}`);
  if (options.etag !== undefined) headers.set("If-None-Match", options.etag);
  if (options.body !== undefined) headers.set("Content-Type", "application/json");
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  const signal = options.signal ? AbortSignal.any([options.signal, timeout]) : timeout;
  let response: Response;
  try {
    response = await fetch(`/api${path}`, {
      method: options.method ?? "GET",
      headers,
      body: options.body ?? null,
      signal,
      credentials: "same-origin",
      cache: "no-store", // the browser's own cache would hand out old answers, with the server's time of then
    });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    const late = timeout.aborted ? `No answer came within ${TIMEOUT_MS / 1000} s` : "The server cannot be reached";
    throw new ApiProblem(0, "No answer", late, `/api${path}`);
  }
  if (response.status === 401 && options.key === undefined) keyStore.refuse(key);
  if (!response.ok && response.status !== 304) throw await readProblem(response, `/api${path}`);
  announcePace(response);
  const calls = Number(response.headers.get("X-Redis-Calls") ?? Number.NaN);
  if (!Number.isNaN(calls)) lastCalls.set(`${options.method ?? "GET"} ${path.split("?")[0] ?? path}`, calls);
  return response;
}

interface ReadOptions<Wire, T> {
  /**
   * From the answer as it travels to what pages use. An unchanged answer is converted once: whoever reads the same path
   * converts in the same way, and takes what it needs by the query's `select`.
   */
  readonly convert: (wire: Wire) => T;
  readonly signal?: AbortSignal;
  /** Numbers keep the text they were written with (see lib/json). */
  readonly exact?: boolean;
}

/** GET `/api{path}`. */
export async function read<Wire, T>(path: string, { convert, signal, exact }: ReadOptions<Wire, T>): Promise<T> {
  const known = remembered.get(path);
  const response = await send(path, { signal, etag: known?.etag });
  if (response.status === 304 && known) return known.value as T;
  const text = await response.text();
  let value: T;
  try {
    value = convert((exact ? parseJson(text) : JSON.parse(text)) as Wire);
  } catch {
    throw new ApiProblem(response.status, "The answer could not be read", "Is the API at this address?", `/api${path}`);
  }
  const etag = response.headers.get("ETag");
  if (etag !== null) remember(path, { etag, value });
  return value;
}

/**
 * Like `read`, for a route that not every server offers: null when this one answers that there is no such thing.
 * A query that got null is not read again.
 */
export async function readIfOffered<Wire, T>(path: string, options: ReadOptions<Wire, T>): Promise<T | null> {
  try {
    return await read(path, options);
  } catch (error) {
    if (isNotOffered(error)) return null;
    throw error;
  }
}

/** Sends a change to `/api{path}`; the answer's JSON, or null where it has none. A text is sent as it is. */
export async function write<T>(method: Exclude<Method, "GET">, path: string, body?: string | object): Promise<T> {
  const text = body === undefined || typeof body === "string" ? body : JSON.stringify(body);
  const response = await send(path, { method, body: text });
  const answer = await response.text();
  return (answer === "" ? null : JSON.parse(answer)) as T;
}

/** Asks the server about a key without keeping it. Throws the ApiProblem when it is refused. */
export async function tryKey(key: string): Promise<void> {
  await send("/overview", { key });
}

/** POST without the key of this tab: what is sent is the way to get one. */
export async function writeUnsigned(path: string, body: object): Promise<void> {
  await send(path, { method: "POST", body: JSON.stringify(body), key: null });
}

import type { TaskStatus, WireOverview, WireTask } from "../api/wire";
import { ago, wireAttempt, wireError, wireOverview, wireQueue, wireTask, wireWorker } from "./factories";

/** The API of the fixtures: a bad day whose numbers agree with each other, 2,327 pending and 163 dead. */

const QUEUES = [
  wireQueue({ name: "emails", pending: 8, running: 12, scheduled: 86, retrying: 15, dead: 147 }),
  wireQueue({ name: "images", pending: 2318, dead: 7, paused: { at: null, by: "ops-laptop", reason: null } }),
  wireQueue({ name: "webhooks", pending: 1, running: 9, retrying: 6, dead: 9 }),
  wireQueue({ name: "data", running: 17, cancelled: 4 }),
];

type Shape = [status: TaskStatus, type: string, queue: string, priority: number, attempt: number];

const SHAPES: readonly Shape[] = [
  ["running", "webhook.send", "webhooks", 7, 1],
  ["dead", "email.send", "emails", 5, 4],
  ["retrying", "email.send", "emails", 5, 3],
  ["completed", "invoice.render", "data", 5, 1],
  ["running", "report.build", "data", 3, 1],
  ["dead", "email.send", "emails", 5, 4],
  ["pending", "image.resize", "images", 3, 0],
  ["scheduled", "email.digest", "emails", 4, 0],
  ["waiting", "report.build", "data", 3, 0],
  ["cancelled", "data.sync", "data", 2, 0],
];

function fixtureTask(index: number, now: number): WireTask {
  const [status, type, queue, priority, attempt] = SHAPES[index % SHAPES.length] ?? ["pending", "email.send", "emails", 5, 0];
  const age = index * 11;
  const past = (seconds: number) => ago(age + seconds, now);
  const failed = { type: "SMTPAuthenticationError" };
  const ended = status === "dead" || status === "completed" || status === "cancelled";
  const attempts = Array.from({ length: attempt }, (_, at) => {
    const last = at === attempt - 1;
    const open = last && status === "running";
    const fine = last && status === "completed";
    const started = (attempt - at) * 9;
    return wireAttempt({
      attempt: at + 1,
      worker: `vps-1/${1 + (at % 2)}`,
      started_at: past(started),
      ended_at: open ? null : past(started - 0.9),
      outcome: open ? "running" : fine ? "completed" : "failed",
      error: open || fine ? null : wireError(failed),
    });
  });
  return wireTask({
    id: `0-019ab5c2-7f31-7c04-9a1e-3d5b8e${(index * 7919 + 4096).toString(16).padStart(6, "0")}`,
    task_type: type,
    queue,
    priority,
    status,
    attempt,
    attempts,
    error: status === "dead" || status === "retrying" ? wireError(failed) : null,
    payload: { to: "ana@customer.example", subject: "Your invoice 2026-1187", invoice_id: 1187, attachments: ["a.pdf", "b.pdf"], locale: null },
    result: status === "completed" ? { pages: 3 } : null,
    progress: type === "report.build" && status === "running" ? { fraction: 0.64, message: "page 16 of 25" } : null,
    worker: attempts.at(-1)?.worker ?? null,
    created_at: past(54),
    run_at: status === "scheduled" ? ago(-13140, now) : status === "retrying" ? ago(-14, now) : past(54),
    started_at: attempts.at(-1)?.started_at ?? null,
    finished_at: ended ? past(8.1) : null,
  });
}

function problem(status: number, title: string, detail: string): Response {
  return Response.json({ type: "about:blank", title, status, detail }, { status, headers: { "Content-Type": "application/problem+json" } });
}

export class FakeApi {
  private static instance: FakeApi | null = null;

  /** Set to answer every request so instead. */
  failing: "no" | "away" | "unauthorised" = "no";
  key: string | null = null;
  overview: (now: number) => WireOverview = (now) =>
    wireOverview({
      now: ago(0, now),
      counts: { scheduled: 86, pending: 2327, running: 38, retrying: 21, completed: 69870, dead: 163, cancelled: 4, waiting: 3 },
      queues: QUEUES,
      workers: [1, 2, 3].map((place) =>
        wireWorker({ name: `vps-${place}/1`, host: `vps-${place}`, started_at: ago(3600 * place, now), expires_at: ago(-29, now) }),
      ),
      oldest_pending_seconds: 2280,
    });
  tasks: (now: number) => WireTask[] = (now) => Array.from({ length: 450 }, (_, index) => fixtureTask(index, now));
  /** Texts to answer as they are, by path. */
  readonly texts = new Map<string, string>();
  readonly requests: Request[] = [];

  static shared(): FakeApi {
    FakeApi.instance ??= new FakeApi();
    return FakeApi.instance;
  }

  /** To stand in for `fetch`. */
  readonly fetch = (input: RequestInfo | URL, init?: RequestInit): Promise<Response> =>
    this.handle(new Request(new URL(input as string, "http://fixture"), init));

  async handle(request: Request): Promise<Response> {
    this.requests.push(request);
    await Promise.resolve();
    if (this.failing === "away") return problem(503, "Redis is away", "Redis did not answer within 5 s");
    if (new URL(request.url).pathname === "/api/session") return problem(404, "No such route", "There are no sessions here.");
    const sent = request.headers.get("Authorization")?.replace("Bearer ", "") ?? null;
    if (this.failing === "unauthorised" || (this.key !== null && sent !== this.key))
      return problem(401, "A key is needed", "Send Authorization: Bearer <key>");
    const { pathname, searchParams } = new URL(request.url);
    const text = this.texts.get(pathname);
    if (text !== undefined) return new Response(text, { headers: { "Content-Type": "application/json" } });
    const now = Date.now();
    if (pathname === "/api/overview") return Response.json(this.overview(now));
    if (pathname === "/api/dead-letters/groups") return Response.json({ groups: this.groups(now) });
    if (pathname === "/api/schedules") return Response.json({ schedules: [] });
    if (pathname === "/api/task-types") return Response.json({ task_types: [], has_live_workers: true });
    if (pathname === "/api/tasks") return this.list(searchParams, now);
    const [, id, action] = /^\/api\/tasks\/([^/]+)(\/cancel)?$/.exec(pathname) ?? [];
    const task = this.tasks(now).find((each) => each.id === id);
    if (task === undefined) return problem(404, "No such task", "It was removed, or never submitted.");
    return Response.json(action === undefined ? task : { id: task.id, status: "cancelled" });
  }

  /** One group a type of the dead tasks. */
  private groups(now: number) {
    const dead = this.tasks(now).filter((task) => task.status === "dead");
    const types = [...new Set(dead.map((task) => task.task_type))];
    return types.map((type) => {
      const [task, ...more] = dead.filter((each) => each.task_type === type);
      return { fingerprint: type.replace(".", "-"), count: more.length + 1, last_at: task?.finished_at, task };
    });
  }

  private list(query: URLSearchParams, now: number): Response {
    const wanted = (field: "status" | "queue" | "task_type", task: WireTask) => [null, task[field]].includes(query.get(field));
    const found = this.tasks(now).filter((task) => wanted("status", task) && wanted("queue", task) && wanted("task_type", task));
    const from = Number(query.get("cursor") ?? 0);
    const to = from + Number(query.get("limit") ?? 50);
    return Response.json({ tasks: found.slice(from, to), next_cursor: to < found.length ? String(to) : null });
  }
}

import type { WireAttempt, WireError, WireOverview, WireQueue, WireTask, WireWorker } from "../api/wire";

/** Wire objects with everything filled in; a test names only what it is about. */

export const NOW = Date.parse("2026-11-24T13:21:10.000Z");

export function ago(seconds: number, now = NOW): string {
  return new Date(now - seconds * 1000).toISOString();
}

export function wireError(over: Partial<WireError> = {}): WireError {
  return {
    type: "SMTPAuthenticationError",
    message: "(535, '5.7.8 authentication failed')",
    traceback: [
      "Traceback (most recent call last):",
      '  File "handlers/email.py", line 58, in send_email',
      "    await smtp.login(settings.smtp_user, settings.smtp_password)",
      "aiosmtplib.SMTPAuthenticationError: (535, '5.7.8 authentication failed')",
    ].join("\n"),
    ...over,
  };
}

export function wireAttempt(over: Partial<WireAttempt> = {}): WireAttempt {
  return { attempt: 1, worker: "vps-1/2", started_at: ago(13), ended_at: ago(12), outcome: "failed", error: wireError(), ...over };
}

export function wireTask(over: Partial<WireTask> = {}): WireTask {
  return {
    id: "0-019ab5c2-7f31-7c04-9a1e-3d5b8e21c6f0",
    task_type: "email.send",
    queue: "emails",
    priority: 5,
    status: "pending",
    attempt: 0,
    max_retries: 3,
    payload: { to: "ana@customer.example" },
    result: null,
    error: null,
    attempts: [],
    progress: null,
    logs: [],
    limit_key: null,
    fair_key: null,
    traceparent: null,
    unique_key: null,
    idempotency_key: null,
    schedule: null,
    cancelled_by: null,
    timeout_seconds: null,
    retry: null,
    fingerprint: null,
    unreadable: {},
    omitted: [],
    worker: null,
    created_at: ago(54),
    run_at: ago(54),
    started_at: null,
    finished_at: null,
    ...over,
  };
}

export function wireQueue(over: Partial<WireQueue> = {}): WireQueue {
  return {
    name: "default",
    pending: 0,
    running: 0,
    scheduled: 0,
    retrying: 0,
    dead: 0,
    completed: 0,
    cancelled: 0,
    paused: null,
    parked: 0,
    limit: null,
    key_limit: null,
    ...over,
  };
}

export function wireWorker(over: Partial<WireWorker> = {}): WireWorker {
  return {
    name: "vps-1/1",
    host: "vps-1",
    version: "1.8.2",
    queues: ["default", "emails", "images", "webhooks", "data"],
    types: ["email.send", "email.digest", "image.resize", "webhook.send", "report.build", "data.sync", "invoice.render"],
    slots: 20,
    lease_seconds: 30, presence_seconds: 330, memory_mb: 84,
    draining: false,
    started_at: ago(3600),
    expires_at: ago(-29),
    ...over,
  };
}

export function wireOverview(over: Partial<WireOverview> = {}): WireOverview {
  return {
    environment: "production",
    now: ago(0),
    counts: { scheduled: 86, pending: 6, running: 38, retrying: 0, completed: 69870, dead: 0, cancelled: 4, waiting: 3 },
    queues: [wireQueue({ pending: 6, running: 38 })],
    workers: [wireWorker(), wireWorker({ name: "vps-1/2" }), wireWorker({ name: "vps-2/1", host: "vps-2" })],
    oldest_pending_seconds: 0.4,
    role: "admin",
    budget: null,
    ...over,
  };
}

import { fireEvent, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import axe from "axe-core";
import { describe, expect, it } from "vitest";
import { ago, wireAttempt, wireError, wireOverview, wireQueue, wireTask, wireWorker } from "./test/factories";
import { renderApp } from "./test/render-app";

const patient = { timeout: 5000 };
const emptyOverview = (over = {}) => (now: number) =>
  wireOverview({ now: ago(0, now), counts: {}, queues: [], workers: [], oldest_pending_seconds: null, ...over });

async function expectAccessible() {
  const { violations } = await axe.run(document.body, { rules: { "color-contrast": { enabled: false }, region: { enabled: false } } });
  expect(violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html ?? ""}`)).toEqual([]);
}

describe("Overview", () => {
  it("names what needs the operator, with one next step each", async () => {
    renderApp("/");
    await screen.findByRole("heading", { name: /2 things need you/ }, patient);
    const needs = within(screen.getByRole("list", { name: "What needs you" }));
    expect(needs.getByRole("link", { name: "Review the group" }).getAttribute("href")).toBe("/dead-letters?group=email-send");
    expect(needs.getByRole("button", { name: "Resume queue" })).toBeDefined();
    expect(document.title).toBe("(2) Overview · dtq");
    await expectAccessible();
  });

  it("marks the tab while something needs the operator, and no longer", async () => {
    document.head.insertAdjacentHTML("beforeend", '<link rel="icon" href="/favicon.svg">');
    const icon = document.head.querySelector('link[rel="icon"]');
    renderApp("/");
    await screen.findByRole("heading", { name: /2 things need you/ }, patient);
    expect(icon?.getAttribute("href")).toBe("/favicon-dot.svg");
    await userEvent.click(screen.getByRole("link", { name: "Schedules" }));
    await waitFor(() => { expect([document.title, icon?.getAttribute("href")]).toEqual(["Schedules · dtq", "/favicon.svg"]); });
    icon?.remove();
  });

  it("explains what to check when no worker runs", async () => {
    renderApp("/", (api) => {
      api.overview = emptyOverview({ counts: { pending: 4 }, queues: [wireQueue({ pending: 4 })] });
    });
    const step = await screen.findByRole("button", { name: "What to check" }, patient);
    expect(step.getAttribute("aria-expanded")).toBe("false");
    await userEvent.click(step);
    expect(screen.getByText(/REDIS_URL must name the same database/)).toBeDefined();
  });

  it("greets a new installation with the command for its first task", async () => {
    renderApp("/", (api) => { api.overview = emptyOverview(); });
    await screen.findByRole("heading", { name: "Nothing has been submitted yet" }, patient);
    expect(screen.getByLabelText("Command that submits a task").textContent).toContain("/api/tasks");
  });

  it("says in words when the server does not answer", async () => {
    renderApp("/", (api) => { api.failing = "away"; });
    const alert = await screen.findByRole("alert", {}, patient);
    expect(alert.textContent).toContain("The overview could not be loaded");
    expect(alert.textContent).toContain("Redis did not answer within 5 s (503).");
  });

  it("says that a key may only read", async () => {
    renderApp("/", (api) => {
      api.overview = (now) => wireOverview({ now: ago(0, now), workers: [wireWorker({ expires_at: ago(-30, now) })], role: "read" });
    });
    expect(await screen.findByText("Read-only key", {}, patient)).toBeDefined();
  });
});

describe("Tasks", () => {
  it("shows counts on the tabs and a row a task", async () => {
    renderApp("/tasks");
    expect(await screen.findByRole("link", { name: "Dead 163" }, patient)).toBeDefined();
    const rows = await screen.findAllByRole("row", {}, patient);
    expect(rows.length).toBeGreaterThan(20);
    expect(within(screen.getByRole("table")).getAllByText("SMTPAuthenticationError").length).toBeGreaterThan(0);
    await expectAccessible();
  });

  it("keeps the filter in the address and asks the server with it", async () => {
    const api = renderApp("/tasks?queue=emails");
    const nav = await screen.findByRole("navigation", { name: "Status" }, patient);
    await userEvent.click(within(nav).getByRole("link", { name: /^Dead/ }));
    await waitFor(() => { expect(window.location.search).toBe("?queue=emails&status=dead"); });
    const tabs = within(screen.getByRole("navigation", { name: "Status" }));
    expect(tabs.getAllByRole("link", { current: "page" }).map((tab) => tab.textContent)).toEqual(["Dead147"]);
    await waitFor(() => {
      expect(api.requests.some(({ url }) => url.includes("status=dead&queue=emails"))).toBe(true);
    });
  });

  it("loads older tasks behind the cursor", async () => {
    const api = renderApp("/tasks?status=dead");
    api.tasks = () => Array.from({ length: 120 }, (_, index) => wireTask({ id: `task-${index}`, status: "dead" }));
    await userEvent.click(await screen.findByRole("button", { name: "Load older tasks" }, patient));
    expect(await screen.findByText("120 tasks, no older ones", {}, patient)).toBeDefined();
    expect(api.requests.some(({ url }) => url.includes("cursor=100"))).toBe(true);
  });

  it("goes on reading while the server's pages are empty but have successors", async () => {
    const api = renderApp("/tasks?type=rare", (fake) => {
      fake.texts.set("/api/tasks", '{"tasks":[],"next_cursor":"300"}');
    });
    await screen.findByText("No match among the newest tasks", {}, patient);
    expect(api.requests.filter(({ url }) => url.includes("cursor=300"))).toHaveLength(10);
    api.texts.set("/api/tasks", '{"tasks":[],"next_cursor":null}');
    await userEvent.click(screen.getByRole("button", { name: "Search older tasks" }));
    expect(await screen.findByText("No task matches these filters", {}, patient)).toBeDefined();
  });

  it("draws the rows in sight of a long list that was scrolled", async () => {
    renderApp("/tasks");
    const table = await screen.findByRole("table", {}, patient);
    const box = table.parentElement;
    if (box === null) throw new Error("the table has no box");
    box.scrollTop = 60 * 36;
    fireEvent.scroll(box);
    await waitFor(() => { expect(within(table).getAllByRole("row").at(-1)?.getAttribute("aria-rowindex")).toBe("88"); });
    expect(within(table).getAllByRole("row").length).toBeLessThan(60);
  });

  it("tells no match from nothing there", async () => {
    renderApp("/tasks?status=dead&type=data.sync");
    expect(await screen.findByText("No task matches these filters", {}, patient)).toBeDefined();
    expect(await screen.findByText("There are 163 dead tasks, none of type data.sync.", {}, patient)).toBeDefined();
  });

  it("shows the frame while loading and the problem when that fails", async () => {
    const api = renderApp("/tasks", (fake) => { fake.failing = "away"; });
    expect((await screen.findByRole("alert", {}, patient)).textContent).toContain("Tasks could not be loaded");
    api.failing = "no";
    await userEvent.click(screen.getByRole("button", { name: "Try now" }));
    expect(await screen.findByRole("table", {}, patient)).toBeDefined();
  });

  it("keeps the data readable while offline", async () => {
    const api = renderApp("/tasks");
    await screen.findByRole("table", {}, patient);
    api.failing = "away";
    expect(await screen.findByText(/^Offline since/, {}, { timeout: 9000 })).toBeDefined();
    expect(screen.getByRole("button", { name: /^Offline · data from/ })).toBeDefined();
    expect(screen.getByRole("table")).toBeDefined();
  });
});

describe("Task", () => {
  const dead = wireTask({
    status: "dead",
    attempt: 2,
    error: wireError(),
    attempts: [wireAttempt({ error: wireError({ type: "ReadTimeout" }) }), wireAttempt({ attempt: 2 })],
    finished_at: ago(12),
  });

  it("tells what happened, shows the newest error, and another attempt's on demand", async () => {
    renderApp(`/tasks/${dead.id}`, (api) => { api.tasks = () => [dead]; });
    expect(await screen.findByRole("heading", { level: 1, name: "email.send" }, patient)).toBeDefined();
    expect(screen.getByText(/^gave up after 2 attempts/)).toBeDefined();
    expect(screen.getByText(/^SMTPAuthenticationError:/)).toBeDefined();
    expect(screen.getByLabelText("Traceback").textContent).toContain("line 58, in send_email");
    await userEvent.click(screen.getByRole("button", { name: /^1 failed/ }));
    expect(screen.getByText(/^ReadTimeout:/)).toBeDefined();
    expect(screen.queryByRole("button", { name: /Cancel/ })).toBeNull();
    await expectAccessible();
  });

  it("shows integers beyond 2^53 exactly", async () => {
    const text = JSON.stringify({ ...dead, payload: "PAYLOAD" });
    renderApp(`/tasks/${dead.id}`, (api) => {
      api.texts.set(`/api/tasks/${dead.id}`, text.replace('"PAYLOAD"', '{"invoice_id":90071992547409931,"rate":1.0}'));
    });
    await waitFor(() => { expect(screen.getByLabelText("Payload as JSON").textContent).toContain("90071992547409931"); }, patient);
    expect(screen.getByLabelText("Payload as JSON").textContent).toContain("1.0");
  });

  it("cancels a pending task and asks the server", async () => {
    const task = wireTask();
    const api = renderApp(`/tasks/${task.id}`, (fake) => { fake.tasks = () => [task]; });
    await userEvent.click(await screen.findByRole("button", { name: "Cancel" }, patient));
    await waitFor(() => {
      expect(api.requests.some(({ method, url }) => method === "POST" && url.endsWith("/cancel"))).toBe(true);
    });
  });

  it("takes out of the address what it does not know, and says so", async () => {
    renderApp("/tasks?status=lost&queue=images");
    expect(await screen.findByText(/The address has a value that this page does not know/, {}, patient)).toBeTruthy();
    expect(window.location.search).toBe("?queue=images");
  });

  it("says that a task is no longer kept", async () => {
    renderApp("/tasks/0-gone");
    expect(await screen.findByText("This task is no longer kept", {}, patient)).toBeDefined();
  });
});

describe("Sign-in", () => {
  it("asks for a key, explains a wrong one, and returns to the page that was asked for", async () => {
    renderApp("/tasks", (api) => { api.key = "right"; });
    const field = await screen.findByLabelText("API key", {}, patient);
    await userEvent.type(field, "wrong{Enter}");
    expect((await screen.findByRole("alert", {}, patient)).textContent).toContain("This key is not known");
    await expectAccessible();
    await userEvent.clear(field);
    await userEvent.type(field, "right{Enter}");
    expect(await screen.findByRole("table", {}, patient)).toBeDefined();
    expect(window.location.pathname).toBe("/tasks");
    await userEvent.click(screen.getByRole("button", { name: "Sign out" }));
    expect(await screen.findByLabelText("API key", {}, patient)).toBeDefined();
    expect(sessionStorage).toHaveLength(0);
  });
});

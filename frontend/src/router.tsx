import { createRootRoute, createRoute, createRouter, lazyRouteComponent } from "@tanstack/react-router";
import type { Range } from "./api/stats";
import { isRange } from "./api/stats";
import { toasts } from "./lib/toasts";
import { readDeadLettersSearch } from "./pages/dead-letters/search-params";
import { readName } from "./pages/name-search";
import { NotFoundPage } from "./pages/not-found-page";
import { Shell } from "./pages/shell/shell";
import { readTaskSearch } from "./pages/tasks/search-params";

/** What the page does not know is taken out of the address and said; the router itself would hand it on. */
function strict<Search extends object>(read: (search: Record<string, unknown>) => Search) {
  return (search: Record<string, unknown>): Search => {
    const known = read(search);
    const unknown = Object.keys(search).filter((key) => search[key] !== undefined && !Object.hasOwn(known, key));
    sayUnknown(unknown.filter((key) => search[key] !== DEFAULT_RANGE));
    return { ...Object.fromEntries(unknown.map((key) => [key, undefined])), ...known };
  };
}

const DEFAULT_RANGE = "1h";
let said = "";

/** Once, though the router reads an address many times. */
function sayUnknown(keys: readonly string[]): void {
  const names = keys.map((key) => `\`${key}\``).join(", ");
  if (names === "" || names === said) return;
  said = names;
  queueMicrotask(() => { toasts.show({ tone: "neutral", text: `The address has a value that this page does not know, for ${names}. It was left out.` }); });
}

const rootRoute = createRootRoute({ component: Shell, notFoundComponent: NotFoundPage });

const overviewRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/",
  validateSearch: strict(({ range }): { range?: Exclude<Range, typeof DEFAULT_RANGE> } => (isRange(range) && range !== DEFAULT_RANGE ? { range } : {})),
  component: lazyRouteComponent(() => import("./pages/overview/overview-page"), "OverviewPage"),
});

const tasksRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/tasks",
  validateSearch: strict(readTaskSearch),
  component: lazyRouteComponent(() => import("./pages/tasks/tasks-page"), "TasksPage"),
});

const taskRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/tasks/$taskId",
  component: lazyRouteComponent(() => import("./pages/task/task-page"), "TaskPage"),
});

const deadLettersRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/dead-letters",
  validateSearch: strict(readDeadLettersSearch),
  component: lazyRouteComponent(() => import("./pages/dead-letters/dead-letters-page"), "DeadLettersPage"),
});

/** Pages of one table keep the name of the chosen row in the URL. */
function chosen<Key extends string>(key: Key) {
  return (search: Record<string, unknown>): Partial<Record<Key, string>> => {
    const name = readName(search[key]);
    return name === undefined ? {} : ({ [key]: name } as Partial<Record<Key, string>>);
  };
}

const queuesRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/queues",
  validateSearch: strict(chosen("queue")),
  component: lazyRouteComponent(() => import("./pages/queues/queues-page"), "QueuesPage"),
});

const workersRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/workers",
  validateSearch: strict(chosen("worker")),
  component: lazyRouteComponent(() => import("./pages/workers/workers-page"), "WorkersPage"),
});

const schedulesRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/schedules",
  validateSearch: strict(chosen("schedule")),
  component: lazyRouteComponent(() => import("./pages/schedules/schedules-page"), "SchedulesPage"),
});

const submitRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/submit",
  validateSearch: strict(chosen("type")),
  component: lazyRouteComponent(() => import("./pages/submit/submit-page"), "SubmitPage"),
});

const settingsRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/settings",
  component: lazyRouteComponent(() => import("./pages/settings/settings-page"), "SettingsPage"),
});

const routeTree = rootRoute.addChildren([
  overviewRoute,
  tasksRoute,
  taskRoute,
  deadLettersRoute,
  queuesRoute,
  workersRoute,
  schedulesRoute,
  submitRoute,
  settingsRoute,
]);

export function createAppRouter() {
  return createRouter({ routeTree, defaultPreload: "intent", defaultPreloadStaleTime: 0, scrollRestoration: false });
}

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof createAppRouter>;
  }
}

import { createRootRoute, createRoute, createRouter, lazyRouteComponent } from "@tanstack/react-router";
import type { Range } from "./api/stats";
import { isRange } from "./api/stats";
import { readDeadLettersSearch } from "./pages/dead-letters/search-params";
import { readName } from "./pages/name-search";
import { NotFoundPage } from "./pages/not-found-page";
import { Shell } from "./pages/shell/shell";
import { readTaskSearch } from "./pages/tasks/search-params";

const rootRoute = createRootRoute({ component: Shell, notFoundComponent: NotFoundPage });

const overviewRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/",
  validateSearch: ({ range }: Record<string, unknown>): { range?: Exclude<Range, "1h"> } => (isRange(range) && range !== "1h" ? { range } : {}),
  component: lazyRouteComponent(() => import("./pages/overview/overview-page"), "OverviewPage"),
});

const tasksRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/tasks",
  validateSearch: readTaskSearch,
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
  validateSearch: readDeadLettersSearch,
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
  validateSearch: chosen("queue"),
  component: lazyRouteComponent(() => import("./pages/queues/queues-page"), "QueuesPage"),
});

const workersRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/workers",
  validateSearch: chosen("worker"),
  component: lazyRouteComponent(() => import("./pages/workers/workers-page"), "WorkersPage"),
});

const schedulesRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/schedules",
  validateSearch: chosen("schedule"),
  component: lazyRouteComponent(() => import("./pages/schedules/schedules-page"), "SchedulesPage"),
});

const submitRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/submit",
  validateSearch: chosen("type"),
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

import { useQuery } from "@tanstack/react-query";
import { Outlet } from "@tanstack/react-router";
import { overviewOptions } from "../../api/overview";
import { OfflineBanner } from "../../components/offline-banner";
import { useLive } from "../../live/live";
import { Sidebar } from "./sidebar";
import { TabBar } from "./tab-bar";

/** The frame around every page: sidebar, page, and on phones a bar at the foot. */
export function Shell() {
  const { data: overview } = useQuery(overviewOptions());
  const { status, lastGoodAt, nextTryAt, readNow } = useLive();

  return (
    <div className="flex h-dvh flex-col md:flex-row">
      <a
        href="#main"
        className="absolute top-2 left-2 z-20 -translate-y-20 rounded-md bg-accent px-3 py-2 font-medium text-on-accent focus:translate-y-0"
      >
        Skip to content
      </a>
      <Sidebar environment={overview?.environment ?? null} role={overview?.role ?? null} />
      <div className="flex min-h-0 min-w-0 flex-1 flex-col">
        {status === "offline" && <OfflineBanner lastGoodAt={lastGoodAt} nextTryAt={nextTryAt} onRetry={readNow} />}
        <Outlet />
      </div>
      <TabBar />
    </div>
  );
}

import { useQuery } from "@tanstack/react-query";
import { Outlet, useNavigate } from "@tanstack/react-router";
import { lazy, Suspense, useState } from "react";
import { overviewOptions } from "../../api/overview";
import { Announcer } from "../../components/announcer";
import { OfflineBanner } from "../../components/offline-banner";
import { Toaster } from "../../components/toaster";
import { Tooltips } from "../../components/tooltips";
import { useHotkeys } from "../../hooks/use-hotkeys";
import { useLive } from "../../live/live";
import { PLACES, toolsFor } from "./navigation";
import { openPalette, usePaletteOpen } from "./palette-open";
import { Sidebar } from "./sidebar";
import { TabBar } from "./tab-bar";
import { useIdentity } from "./use-identity";

const Palette = lazy(async () => ({ default: (await import("./palette")).Palette }));
const ShortcutHelp = lazy(async () => ({ default: (await import("./shortcut-help")).ShortcutHelp }));

/** The frame around every page: sidebar, page, and on phones a bar at the foot. */
export function Shell() {
  const { data: overview } = useQuery(overviewOptions());
  const { status, lastGoodAt, nextTryAt, readNow, setPaused } = useLive();
  const { name, role, signOut } = useIdentity();
  const navigate = useNavigate();
  const paletteOpen = usePaletteOpen();
  const [helpOpen, setHelpOpen] = useState(false);
  const dead = overview?.counts.dead ?? 0;

  useHotkeys({
    "$mod+k": (event) => { event.preventDefault(); openPalette(); },
    "/": (event) => { event.preventDefault(); openPalette(); },
    "?": () => { setHelpOpen(true); },
    "Shift+?": () => { setHelpOpen(true); }, // as most keyboards have it
    p: () => { setPaused(status !== "paused"); },
    ...Object.fromEntries([...PLACES, ...toolsFor(role)].map((place) => [`g ${place.key}`, () => void navigate({ to: place.to })])),
  });

  return (
    <div className="flex h-dvh flex-col md:flex-row">
      <a
        href="#main"
        className="absolute top-2 left-2 z-20 -translate-y-20 rounded-md bg-accent px-3 py-2 font-medium text-on-accent focus:translate-y-0"
      >
        Skip to content
      </a>
      <Sidebar environment={overview?.environment ?? null} role={role} name={name} dead={dead} onSignOut={signOut} />
      <div className="flex min-h-0 min-w-0 flex-1 flex-col">
        {status === "offline" && <OfflineBanner lastGoodAt={lastGoodAt} nextTryAt={nextTryAt} onRetry={readNow} />}
        <Outlet />
      </div>
      <TabBar role={role} dead={dead} onSignOut={signOut} />
      <Toaster />
      <Announcer />
      <Tooltips />
      <Suspense fallback={null}>
        {paletteOpen && <Palette />}
        {helpOpen && <ShortcutHelp onClose={() => { setHelpOpen(false); }} />}
      </Suspense>
    </div>
  );
}

import { Eye } from "lucide-react";
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useEffect } from "react";
import { overviewOptions } from "../../api/overview";
import { LiveIndicator } from "../../components/live-indicator";
import { joinClasses } from "../../lib/format";
import { useLive } from "../../live/live";
import { FindTask } from "./find-task";
import { ThemeSwitch } from "./sidebar";

interface PageFrameProps {
  /** Names the page in the tab and, unless `heading` does, in the top bar. */
  title: string;
  heading?: ReactNode;
  /** How many things need the operator; goes before the title of the tab. */
  needs?: number;
  /** The page does not scroll; something in it does. */
  fill?: boolean;
  children: ReactNode;
}

/** One page: the top bar with its title and the live indicator, and its content. */
export function PageFrame({ title, heading, needs = 0, fill = false, children }: PageFrameProps) {
  const live = useLive();
  const { data: overview } = useQuery({ ...overviewOptions(), enabled: false });
  const readOnly = overview?.role === "read";
  useEffect(() => {
    document.title = `${needs > 0 ? `(${needs}) ` : ""}${title} · dtq`;
  }, [needs, title]);

  return (
    <>
      <header className="flex h-13 shrink-0 items-center gap-2.5 border-b border-border px-4 md:px-6">
        {heading ?? <h1 className="truncate text-15 font-semibold">{title}</h1>}
        <div className="ml-auto flex shrink-0 items-center gap-2.5">
          {readOnly && (
            <span className="hidden h-7 items-center gap-2 rounded-full bg-neutral-bg px-3 text-12 font-medium text-neutral-fg sm:inline-flex">
              <Eye size={13} aria-hidden />
              Read-only key
            </span>
          )}
          <LiveIndicator
            status={live.status}
            paceSeconds={live.paceSeconds}
            lastGoodAt={live.lastGoodAt}
            onPause={live.setPaused}
          />
          <FindTask />
          <span className="md:hidden">
            <ThemeSwitch />
          </span>
        </div>
      </header>
      <main
        id="main"
        tabIndex={-1}
        className={joinClasses(
          "min-h-0 flex-1 outline-none",
          fill ? "flex flex-col md:p-6 md:pt-5 lg:pb-5" : "overflow-y-auto p-3 md:p-6 md:pt-5",
        )}
      >
        {children}
      </main>
    </>
  );
}

import { Eye, Search } from "lucide-react";
import type { ReactNode } from "react";
import { useEffect } from "react";
import { IconButton } from "../../components/icon-button";
import { Kbd } from "../../components/kbd";
import { LiveIndicator } from "../../components/live-indicator";
import { joinClasses } from "../../lib/format";
import { useLive } from "../../live/live";
import { openPalette } from "./palette-open";
import { useIdentity } from "./use-identity";
import { markFavicon } from "./favicon";

interface PageFrameProps {
  /** Names the page in the tab and, unless `heading` does, in the top bar. */
  title: string;
  heading?: ReactNode;
  /** How many things need the operator; goes before the title of the tab and as a dot on its icon. */
  needs?: number;
  /** What the page adds to the top bar. */
  tools?: ReactNode;
  /** Changes that came in while updates are held. */
  held?: number;
  /** The page does not scroll; something in it does. */
  fill?: boolean;
  children: ReactNode;
}

const IS_MAC = /Mac|iPhone|iPad/.test(navigator.userAgent);

/** One page: the top bar with its title and the live indicator, and its content. */
export function PageFrame({ title, heading, needs = 0, tools, held = 0, fill = false, children }: PageFrameProps) {
  const live = useLive();
  const { role } = useIdentity();
  useEffect(() => {
    document.title = `${needs > 0 ? `(${needs}) ` : ""}${title} · dtq`;
    markFavicon(needs > 0);
  }, [needs, title]);

  return (
    <>
      <header className="flex h-13 shrink-0 items-center gap-2.5 border-b short:h-11 border-border px-4 md:px-6">
        {heading ?? <h1 className="min-w-0 truncate text-15 font-semibold">{title}</h1>}
        <div className="ml-auto flex shrink-0 items-center gap-2.5">
          {role === "read" && (
            <span className="inline-flex h-7 items-center gap-2 rounded-full bg-neutral-bg px-3 text-12 font-medium text-neutral-fg">
              <Eye size={13} aria-hidden />
              <span className="max-sm:sr-only">Read-only key</span>
            </span>
          )}
          <LiveIndicator {...live} held={held} onPause={live.setPaused} />
          {tools}
          <button
            type="button"
            aria-haspopup="dialog"
            onClick={openPalette}
            className="hidden h-8 w-44 items-center gap-2 rounded-md border border-border-control bg-surface px-2.5 text-text-3 md:flex lg:w-62"
          >
            <Search size={14} aria-hidden />
            <span className="truncate max-lg:hidden">Find a task or command</span>
            <span className="truncate lg:hidden">Find<span className="sr-only"> a task or command</span></span>
            <span aria-hidden className="ml-auto shrink-0"><Kbd keys={IS_MAC ? "⌘K" : "Ctrl K"} /></span>
          </button>
          <IconButton icon={Search} label="Find a task or command" size={16} onClick={openPalette} className="md:hidden" />
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

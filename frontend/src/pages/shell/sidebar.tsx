import { Link } from "@tanstack/react-router";
import { KeyRound, LogOut, Moon, Sun, Zap } from "lucide-react";
import type { Role } from "../../api/overview";
import { IconButton } from "../../components/icon-button";
import { useMedia } from "../../hooks/use-media";
import { useTheme } from "../../hooks/use-theme";
import { formatCount, joinClasses } from "../../lib/format";
import type { Place } from "./navigation";
import { PLACES, toolsFor } from "./navigation";

/** The sidebar shows icons alone. */
const NARROW = "(max-width: 1279px)";

interface SidebarProps {
  environment: string | null;
  role: Role | null;
  /** Name of the key, where one is signed in. */
  name: string | null;
  dead: number;
  onSignOut: (() => void) | null;
}

export function Logo({ large = false }: { large?: boolean }) {
  return (
    <span className={joinClasses("flex shrink-0 items-center justify-center rounded-md bg-text text-bg", large ? "size-8" : "size-6")}>
      <Zap size={large ? 16 : 14} aria-hidden />
    </span>
  );
}

export function ThemeSwitch() {
  const { theme, toggleTheme } = useTheme();
  return theme === "dark" ? (
    <IconButton icon={Sun} label="Light theme" onClick={toggleTheme} />
  ) : (
    <IconButton icon={Moon} label="Dark theme" onClick={toggleTheme} />
  );
}

function PlaceLink({ place: { label, to, icon: Icon }, dead = 0 }: { place: Place; dead?: number }) {
  const isNarrow = useMedia(NARROW);
  return (
    <Link
      to={to}
      data-tip={isNarrow ? label : undefined}
      data-tip-side="right"
      activeOptions={{ exact: to === "/", includeSearch: false }}
      className="relative flex h-8 items-center gap-2.5 rounded-md px-2 font-medium text-text-2 hover:bg-surface-2 aria-[current=page]:bg-surface-3 aria-[current=page]:text-text"
    >
      <Icon size={16} aria-hidden className="shrink-0" />
      <span className="sr-only xl:not-sr-only">{label}</span>
      {dead > 0 && (
        <span className="ml-auto rounded-full bg-red-bg px-2 text-11 leading-4.5 font-semibold text-red-fg max-xl:absolute max-xl:-top-1 max-xl:-right-1.5 max-xl:px-1">
          {formatCount(dead)}
          <span className="sr-only"> dead</span>
        </span>
      )}
    </Link>
  );
}

/** Full from 1280 px on, icons with tooltips from 768 px, absent on phones. */
export function Sidebar({ environment, role, name, dead, onSignOut }: SidebarProps) {
  return (
    <aside aria-label="Sidebar" className="hidden w-14 shrink-0 flex-col overflow-y-auto border-r border-border px-2.5 md:flex xl:w-54">
      <div className="flex h-13 items-center gap-2.5 px-1.5 xl:px-2">
        <Logo />
        <span className="hidden text-15 font-semibold xl:inline">dtq</span>
        {environment !== null && (
          <span className="ml-auto hidden max-w-28 truncate rounded-sm border border-border-strong px-1.5 text-11 leading-4.5 font-medium text-text-2 xl:inline" title={environment}>
            {environment}
          </span>
        )}
      </div>
      <nav aria-label="Pages" className="flex flex-col gap-px">
        {PLACES.map((place) => (
          <PlaceLink key={place.to} place={place} dead={place.to === "/dead-letters" ? dead : 0} />
        ))}
        <span aria-hidden className="my-2 border-t border-border" />
        {toolsFor(role).map((place) => (
          <PlaceLink key={place.to} place={place} />
        ))}
      </nav>
      <div className="mt-auto flex flex-col items-center gap-1 py-3 text-12 text-text-2 xl:flex-row xl:px-2">
        {role !== null && (
          <span className="hidden min-w-0 items-center gap-2.5 xl:flex">
            <KeyRound size={14} aria-hidden className="shrink-0" />
            <span className="min-w-0">
              {name !== null && <span className="block truncate" title={name}>key <span className="font-mono">{name}</span></span>}
              <span className="block">{role}</span>
            </span>
          </span>
        )}
        <span className="flex flex-col xl:ml-auto xl:flex-row">
          {onSignOut !== null && <IconButton icon={LogOut} label="Sign out" onClick={onSignOut} />}
          <ThemeSwitch />
        </span>
      </div>
    </aside>
  );
}

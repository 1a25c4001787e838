import { Link } from "@tanstack/react-router";
import { KeyRound, LogOut, Moon, Sun, Zap } from "lucide-react";
import { useSyncExternalStore } from "react";
import { keyStore } from "../../api/key";
import type { Role } from "../../api/overview";
import { IconButton } from "../../components/icon-button";
import { useTheme } from "../../hooks/use-theme";
import { joinClasses } from "../../lib/format";
import { PLACES } from "./navigation";

interface SidebarProps {
  environment: string | null;
  role: Role | null;
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

/** Full from 1280 px on, icons with tooltips from 768 px, absent on phones. */
export function Sidebar({ environment, role }: SidebarProps) {
  const { key } = useSyncExternalStore(keyStore.subscribe, keyStore.getSnapshot);
  return (
    <aside aria-label="Sidebar" className="hidden w-14 shrink-0 flex-col border-r border-border px-2.5 md:flex xl:w-54">
      <div className="flex h-13 items-center gap-2 px-1.5 xl:px-2">
        <Logo />
        <span className="hidden text-15 font-semibold xl:inline">dtq</span>
        {environment !== null && (
          <span className="ml-auto hidden max-w-28 truncate rounded-sm border border-border-strong px-1.5 text-11 leading-4.5 font-medium text-text-2 xl:inline" title={environment}>
            {environment}
          </span>
        )}
      </div>
      <nav aria-label="Pages" className="flex flex-col gap-px">
        {PLACES.map(({ label, to, icon: Icon }) => (
          <Link
            key={to}
            to={to}
            title={label}
            activeOptions={{ exact: to === "/", includeSearch: false }}
            className="flex h-8 items-center gap-2.5 rounded-md px-2 font-medium text-text-2 hover:bg-surface-2 aria-[current=page]:bg-surface-3 aria-[current=page]:text-text"
          >
            <Icon size={16} aria-hidden className="shrink-0" />
            <span className="sr-only xl:not-sr-only">{label}</span>
          </Link>
        ))}
      </nav>
      <div className="mt-auto flex flex-col items-center gap-1 py-3 text-12 text-text-2 xl:flex-row xl:px-2">
        {role !== null && (
          <span className="hidden items-center gap-2 xl:flex">
            <KeyRound size={14} aria-hidden />
            {role}
          </span>
        )}
        <span className="flex flex-col xl:ml-auto xl:flex-row">
          {key !== null && <IconButton icon={LogOut} label="Sign out" onClick={() => { keyStore.signOut(); }} />}
          <ThemeSwitch />
        </span>
      </div>
    </aside>
  );
}

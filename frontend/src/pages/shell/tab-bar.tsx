import { Link } from "@tanstack/react-router";
import { LogOut, Menu as MenuIcon } from "lucide-react";
import { useState } from "react";
import type { Role } from "../../api/overview";
import { Dialog } from "../../components/dialog";
import { formatCount } from "../../lib/format";
import { PLACES, toolsFor } from "./navigation";
import { ThemeSwitch } from "./sidebar";

const ON_THE_BAR = 4;
const TAB =
  "relative flex h-14 min-w-0 flex-1 flex-col short:h-11 items-center justify-center gap-1 text-11 font-medium text-text-2 aria-[current=page]:text-accent";

interface TabBarProps {
  role: Role | null;
  dead: number;
  onSignOut: (() => void) | null;
}

/** The phone's navigation, at the foot of the screen; what does not fit is under More. */
export function TabBar({ role, dead, onSignOut }: TabBarProps) {
  const [open, setOpen] = useState(false);
  const more = [...PLACES.slice(ON_THE_BAR), ...toolsFor(role)];
  return (
    <nav aria-label="Pages at the foot" className="flex shrink-0 border-t border-border bg-surface pb-[env(safe-area-inset-bottom)] md:hidden">
      {PLACES.slice(0, ON_THE_BAR).map(({ label, short, to, icon: Icon }) => (
        <Link key={to} to={to} activeOptions={{ exact: to === "/", includeSearch: false }} className={TAB}>
          <Icon size={18} aria-hidden />
          {short ?? label}
          {to === "/dead-letters" && dead > 0 && (
            <span className="absolute top-1 left-1/2 ml-1.5 rounded-full bg-red-bg px-1.5 leading-4 font-semibold text-red-fg">
              {formatCount(dead)}
              <span className="sr-only"> dead</span>
            </span>
          )}
        </Link>
      ))}
      <button type="button" className={TAB} aria-haspopup="dialog" onClick={() => { setOpen(true); }}>
        <MenuIcon size={18} aria-hidden />
        More
      </button>
      {open && (
        <Dialog title="More" onClose={() => { setOpen(false); }}>
          <ul className="-m-2 flex flex-col">
            {more.map(({ label, to, icon: Icon }) => (
              <li key={to}>
                <Link to={to} onClick={() => { setOpen(false); }} className="flex h-11 items-center gap-3 rounded-md px-3 font-medium hover:bg-surface-2">
                  <Icon size={16} aria-hidden className="text-text-2" />
                  {label}
                </Link>
              </li>
            ))}
            {onSignOut !== null && (
              <li>
                <button type="button" onClick={onSignOut} className="flex h-11 w-full items-center gap-3 rounded-md px-3 font-medium hover:bg-surface-2">
                  <LogOut size={16} aria-hidden className="text-text-2" />
                  Sign out
                </button>
              </li>
            )}
            <li className="flex items-center gap-3 px-3 text-text-2">
              Theme
              <ThemeSwitch />
            </li>
          </ul>
        </Dialog>
      )}
    </nav>
  );
}

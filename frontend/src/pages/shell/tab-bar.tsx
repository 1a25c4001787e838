import { Link } from "@tanstack/react-router";
import { PLACES } from "./navigation";

/** The phone's navigation, at the foot of the screen. */
export function TabBar() {
  return (
    <nav aria-label="Pages at the foot" className="flex shrink-0 border-t border-border bg-surface pb-[env(safe-area-inset-bottom)] md:hidden">
      {PLACES.map(({ label, to, icon: Icon }) => (
        <Link
          key={to}
          to={to}
          activeOptions={{ exact: to === "/", includeSearch: false }}
          className="flex h-14 flex-1 flex-col items-center justify-center gap-1 text-11 font-medium text-text-2 aria-[current=page]:text-accent"
        >
          <Icon size={18} aria-hidden />
          {label}
        </Link>
      ))}
    </nav>
  );
}

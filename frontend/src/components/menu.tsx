import type { LucideIcon } from "lucide-react";
import { Ellipsis } from "lucide-react";
import type { KeyboardEvent, ReactNode } from "react";
import { useEffect, useRef, useState } from "react";
import { joinClasses } from "../lib/format";

export interface MenuItem {
  readonly label: string;
  readonly icon?: LucideIcon;
  readonly danger?: boolean;
  readonly run: () => void;
}

const MORE =
  "inline-flex size-(--control) shrink-0 items-center justify-center rounded-md border border-border-strong bg-surface text-text hover:bg-surface-2 md:size-7";

interface MenuProps {
  /** "More for queue emails". */
  label: string;
  items: readonly MenuItem[];
  children?: ReactNode;
  className?: string;
  /** Told when it opens and closes, so that rows can hold still under it. */
  onOpen?: (open: boolean) => void;
}

/** A button that opens a list of actions beside it. Arrow keys move, Esc closes and returns. */
export function Menu({ label, items, children, className, onOpen }: MenuProps) {
  const [place, setPlace] = useState<{ top: number; right: number } | null>(null);
  const button = useRef<HTMLButtonElement>(null);
  const list = useRef<HTMLDivElement>(null);
  const isOpen = place !== null;

  const close = (refocus: boolean) => {
    setPlace(null);
    onOpen?.(false);
    if (refocus) button.current?.focus();
  };
  const open = () => {
    const rect = button.current?.getBoundingClientRect();
    if (rect === undefined) return;
    const below = window.innerHeight - rect.bottom > items.length * 36 + 16;
    setPlace({ top: below ? rect.bottom + 4 : Math.max(4, rect.top - items.length * 36 - 12), right: window.innerWidth - rect.right });
    onOpen?.(true);
  };

  useEffect(() => {
    if (!isOpen) return;
    list.current?.querySelector<HTMLElement>("[role=menuitem]")?.focus();
    const away = (event: Event) => {
      if (event.target instanceof Node && (list.current?.contains(event.target) || button.current?.contains(event.target))) return;
      setPlace(null);
      onOpen?.(false);
    };
    document.addEventListener("pointerdown", away, true);
    window.addEventListener("scroll", away, true);
    window.addEventListener("resize", away);
    return () => {
      document.removeEventListener("pointerdown", away, true);
      window.removeEventListener("scroll", away, true);
      window.removeEventListener("resize", away);
    };
  }, [isOpen, onOpen]);

  const onKeyDown = (event: KeyboardEvent) => {
    event.stopPropagation();
    if (event.key === "Escape" || event.key === "Tab") {
      if (event.key === "Escape") event.preventDefault();
      close(true);
      return;
    }
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const all = [...(list.current?.querySelectorAll<HTMLElement>("[role=menuitem]") ?? [])];
    const at = all.indexOf(document.activeElement as HTMLElement);
    all[(at + step + all.length) % all.length]?.focus();
  };

  return (
    <>
      <button
        ref={button}
        type="button"
        aria-label={label}
        data-tip={children === undefined ? label : undefined}
        aria-haspopup="menu"
        aria-expanded={isOpen}
        onClick={(event) => {
          event.stopPropagation();
          if (isOpen) close(false);
          else open();
        }}
        className={className ?? MORE}
      >
        {children ?? <Ellipsis size={14} aria-hidden />}
      </button>
      {isOpen && (
        <div
          ref={list}
          role="menu"
          aria-label={label}
          onKeyDown={onKeyDown}
          style={{ top: place.top, right: place.right }}
          className="fixed z-30 min-w-44 rounded-md border border-border bg-surface p-1 text-left shadow-2"
        >
          {items.map(({ label: text, icon: Icon, danger, run }) => (
            <button
              key={text}
              type="button"
              role="menuitem"
              tabIndex={-1}
              onClick={(event) => {
                event.stopPropagation();
                close(true);
                run();
              }}
              className={joinClasses(
                "flex h-9 w-full items-center gap-2.5 rounded-sm px-2.5 whitespace-nowrap hover:bg-surface-2 focus:bg-surface-2",
                danger ? "text-red-fg" : "text-text",
              )}
            >
              {Icon && <Icon size={14} aria-hidden />}
              {text}
            </button>
          ))}
        </div>
      )}
    </>
  );
}

import type { KeyboardEvent, ReactNode } from "react";
import { useId } from "react";

interface Tab {
  readonly id: string;
  readonly label: string;
  /** Beside the label, quieter: a size, a count. */
  readonly note?: string | undefined;
}

interface TabsProps {
  label: string;
  tabs: readonly Tab[];
  chosen: string;
  onChoose: (id: string) => void;
  tools?: ReactNode;
  children: ReactNode;
}

/** Tabs over one panel, in a card's head. Arrow keys move between them. */
export function Tabs({ label, tabs, chosen, onChoose, tools, children }: TabsProps) {
  const base = useId();
  const onKeyDown = (event: KeyboardEvent<HTMLDivElement>) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const at = tabs.findIndex((tab) => tab.id === chosen);
    const next = tabs[(at + step + tabs.length) % tabs.length];
    if (next === undefined) return;
    onChoose(next.id);
    document.getElementById(`${base}-${next.id}`)?.focus();
  };
  return (
    <>
      <div className="flex min-h-10 flex-wrap items-end justify-end border-b border-border pr-2 pl-1">
        <div role="tablist" aria-label={label} onKeyDown={onKeyDown} className="flex min-w-0 flex-auto flex-wrap">
          {tabs.map((tab) => (
            <button
              key={tab.id}
              id={`${base}-${tab.id}`}
              type="button"
              role="tab"
              aria-selected={tab.id === chosen}
              aria-controls={`${base}-panel`}
              tabIndex={tab.id === chosen ? 0 : -1}
              onClick={() => { onChoose(tab.id); }}
              className="h-10 max-md:h-11 border-b-2 border-transparent px-3 font-medium whitespace-nowrap text-text-2 -outline-offset-2 hover:text-text aria-selected:border-accent aria-selected:text-text"
            >
              {tab.label}
              {tab.note !== undefined && <span className="ml-2 text-12 font-normal text-text-3">{tab.note}</span>}
            </button>
          ))}
        </div>
        {tools !== undefined && <div className="flex h-10 shrink-0 items-center gap-1 pl-2">{tools}</div>}
      </div>
      <div id={`${base}-panel`} role="tabpanel" aria-labelledby={`${base}-${chosen}`}>
        {children}
      </div>
    </>
  );
}

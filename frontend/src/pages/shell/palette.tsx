import { useQuery } from "@tanstack/react-query";
import { useRouter } from "@tanstack/react-router";
import { Search } from "lucide-react";
import type { KeyboardEvent } from "react";
import { useEffect, useId, useRef, useState } from "react";
import { groupsOptions } from "../../api/dead-letters";
import { overviewOptions } from "../../api/overview";
import { runSchedule } from "../../api/operations";
import { schedulesOptions } from "../../api/schedules";
import { Kbd } from "../../components/kbd";
import { useAction } from "../../hooks/use-action";
import { useQueueActions } from "../../hooks/use-queue-actions";
import type { PaletteItem } from "./palette-items";
import { paletteItems } from "./palette-items";
import { closePalette } from "./palette-open";
import { useIdentity } from "./use-identity";

/** Finds a command, a place or a task by words; a pasted id opens the task. */
export function Palette() {
  const dialog = useRef<HTMLDialogElement>(null);
  const listId = useId();
  const router = useRouter();
  const { role } = useIdentity();
  const { pause, resume } = useQueueActions();
  const run = useAction({
    run: runSchedule,
    done: (_, id) => `Schedule \`${id}\` runs once more now`,
    failed: (id: string) => `Schedule \`${id}\` could not be run`,
  });
  const { data: overview } = useQuery({ ...overviewOptions(), enabled: false });
  const { data: groups = [] } = useQuery(groupsOptions());
  const { data: schedules = [] } = useQuery(schedulesOptions());
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const items = paletteItems({ text, role, overview, groups, schedules });
  const chosen = Math.min(at, items.length - 1);

  useEffect(() => {
    const before = document.activeElement;
    dialog.current?.showModal();
    return () => { if (before instanceof HTMLElement && before.isConnected) before.focus(); };
  }, []);
  useEffect(() => {
    document.getElementById(`${listId}-${chosen}`)?.scrollIntoView({ block: "nearest" });
  }, [listId, chosen]);

  const act = ({ act: what }: PaletteItem, inNewTab: boolean) => {
    if (what.kind === "go" && inNewTab) {
      window.open(what.href, "_blank", "noopener");
      return;
    }
    closePalette();
    if (what.kind === "go") router.history.push(what.href);
    else if (what.kind === "pause") pause.mutate({ name: what.queue, reason: "" });
    else if (what.kind === "resume") resume.mutate(what.queue);
    else run.mutate(what.schedule);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined && items.length > 0) {
      event.preventDefault();
      setAt((chosen + step + items.length) % items.length);
    }
    const item = items[chosen];
    if (event.key === "Enter" && item) {
      event.preventDefault();
      act(item, event.metaKey || event.ctrlKey);
    }
  };

  return (
    <dialog
      ref={dialog}
      aria-label="Find a task or command"
      onCancel={(event) => { event.preventDefault(); closePalette(); }}
      onPointerDown={(event) => { if (event.target === dialog.current) closePalette(); }}
      className="mx-auto mt-[12vh] mb-auto w-140 max-w-[calc(100vw-24px)] overflow-hidden rounded-lg border border-border-strong bg-surface text-text shadow-2"
    >
      <div className="flex h-13 items-center gap-3 border-b border-border px-4">
        <Search size={16} aria-hidden className="text-text-2" />
        <input
          autoFocus
          role="combobox"
          aria-label="Find a task or command"
          aria-expanded
          aria-controls={listId}
          aria-activedescendant={items.length > 0 ? `${listId}-${chosen}` : undefined}
          autoComplete="off"
          spellCheck={false}
          value={text}
          placeholder="Find a task or command"
          onChange={(event) => { setText(event.target.value); setAt(0); }}
          onKeyDown={onKeyDown}
          className="h-full min-w-0 flex-1 bg-transparent text-15 outline-none placeholder:text-text-3"
        />
        <Kbd keys="esc" />
      </div>
      <div id={listId} role="listbox" aria-label="Results" className="max-h-[50vh] overflow-y-auto p-2">
        {items.map((item, index) => {
          const Icon = item.icon;
          const isFirst = items[index - 1]?.section !== item.section;
          return (
            <div key={item.id} role="presentation">
              {isFirst && <p role="presentation" className="px-2 pt-2 pb-1 text-12 text-text-2 not-first:border-t">{item.section}</p>}
              <div
                id={`${listId}-${index}`}
                role="option"
                aria-selected={index === chosen}
                onPointerMove={() => { setAt(index); }}
                onClick={(event) => { act(item, event.metaKey || event.ctrlKey); }}
                className="flex min-h-9 cursor-pointer items-center gap-3 rounded-md px-2 aria-selected:bg-accent-soft"
              >
                <Icon size={15} aria-hidden className="shrink-0 text-text-2" />
                <span className="min-w-0 truncate"><Marked text={item.text} words={text} /></span>
                <span className="ml-auto max-w-50 shrink-0 truncate pl-3 text-12 text-text-2">{item.note}</span>
                {index === chosen && <Kbd keys="↵" />}
              </div>
            </div>
          );
        })}
        {items.length === 0 && <p className="px-2 py-6 text-center text-text-2">Nothing fits these words. A whole task id opens its task.</p>}
      </div>
      <div className="flex h-9 items-center gap-4 border-t border-border px-4 text-12 text-text-2 max-md:hidden">
        <span><Kbd keys="↑" /> <Kbd keys="↓" /> move</span>
        <span><Kbd keys="↵" /> run</span>
        <span><Kbd keys="Ctrl ↵" /> new tab</span>
        <span className="ml-auto">Paste a task id to open it</span>
      </div>
    </dialog>
  );
}

/** The text with the words that were typed in bold. */
function Marked({ text, words }: { text: string; words: string }) {
  const wanted = words.trim().toLowerCase();
  const at = wanted === "" ? -1 : text.toLowerCase().indexOf(wanted);
  if (at < 0) return <>{text}</>;
  return (
    <>
      {text.slice(0, at)}
      <strong className="font-semibold">{text.slice(at, at + wanted.length)}</strong>
      {text.slice(at + wanted.length)}
    </>
  );
}

import { useNavigate } from "@tanstack/react-router";
import { Search } from "lucide-react";
import type { SyntheticEvent } from "react";
import { useEffect, useRef } from "react";

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.closest("input, textarea, select, [contenteditable]") !== null;
}

/** A pasted id opens its task. `/` comes here from anywhere. */
export function FindTask() {
  const input = useRef<HTMLInputElement>(null);
  const navigate = useNavigate();

  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      event.preventDefault();
      input.current?.focus();
    };
    window.addEventListener("keydown", onKey);
    return () => { window.removeEventListener("keydown", onKey); };
  }, []);

  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    const taskId = input.current?.value.trim() ?? "";
    if (taskId === "" || input.current === null) return;
    input.current.value = "";
    input.current.blur();
    void navigate({ to: "/tasks/$taskId", params: { taskId } });
  };

  return (
    <form role="search" onSubmit={submit} className="relative hidden md:block">
      <Search size={14} aria-hidden className="pointer-events-none absolute top-1/2 left-2.5 -translate-y-1/2 text-text-3" />
      <input
        ref={input}
        aria-label="Open a task by its id"
        placeholder="Open a task by id"
        autoComplete="off"
        spellCheck={false}
        className="h-8 w-44 rounded-md border border-border-control bg-surface pr-8 pl-8 placeholder:text-text-3 lg:w-57"
      />
      <kbd aria-hidden className="pointer-events-none absolute top-1/2 right-2 -translate-y-1/2 rounded-sm border border-border-strong bg-surface-2 px-1.5 font-sans text-11 text-text-2">
        /
      </kbd>
    </form>
  );
}

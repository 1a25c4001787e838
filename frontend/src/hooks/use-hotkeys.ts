import { useEffect, useRef } from "react";
import { tinykeys } from "tinykeys";
import { isDialogOpen, isTyping, singleKeys } from "../lib/shortcuts";

type Bindings = Readonly<Record<string, (event: KeyboardEvent) => void>>;

/** Keys of this page: none while typing, in a dialog, or when they are switched off. The newest bindings count. */
export function useHotkeys(bindings: Bindings): void {
  const newest = useRef(bindings);
  const names = Object.keys(bindings).join("\n");
  useEffect(() => { newest.current = bindings; });
  useEffect(() => {
    const wrapped = names.split("\n").filter(Boolean).map((name) => {
      const act = (event: KeyboardEvent) => {
        const isPlain = !event.ctrlKey && !event.metaKey && !event.altKey;
        if (event.defaultPrevented || isDialogOpen() || (isPlain && isTyping(event.target))) return;
        if (isPlain && name !== "Escape" && !singleKeys.getSnapshot()) return;
        newest.current[name]?.(event);
      };
      return [name, act] as const;
    });
    return tinykeys(window, Object.fromEntries(wrapped));
  }, [names]);
}

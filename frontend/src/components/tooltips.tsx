import { useEffect, useRef, useState } from "react";

const HOVER_MS = 400;
const GAP = 6;

interface Tip {
  readonly text: string;
  readonly left: number;
  readonly top: number;
  /** The tooltip ends at `left` instead of beginning there. */
  readonly fromRight: boolean;
}

/** What an element has for a tooltip: `data-tip`, or with the keyboard, which no browser shows titles to, its title. */
function tipOf(target: EventTarget | null, byKeys: boolean): { element: Element; text: string } | null {
  const element = target instanceof Element ? target.closest(byKeys ? "[data-tip], [title]" : "[data-tip]") : null;
  const text = element?.getAttribute("data-tip") ?? element?.getAttribute("title") ?? "";
  return element === null || text === "" || (byKeys && element !== target) ? null : { element, text };
}

function placeAt(element: Element, text: string): Tip {
  const { left, right, top, bottom } = element.getBoundingClientRect();
  const isBeside = element.getAttribute("data-tip-side") === "right";
  if (isBeside) return { text, left: right + GAP, top: top + (bottom - top) / 2 - 14, fromRight: false };
  const fromRight = left > window.innerWidth / 2;
  const below = bottom + GAP + 60 < window.innerHeight;
  return { text, left: fromRight ? window.innerWidth - right : left, top: below ? bottom + GAP : Math.max(4, top - GAP - 28), fromRight };
}

/**
 * The one tooltip of the page, for whatever carries `data-tip`. It comes to the pointer and to keys alike, stays while
 * the pointer is on it, and Esc takes it away without doing anything else. Focus that a script moved shows none.
 */
export function Tooltips() {
  const [tip, setTip] = useState<Tip | null>(null);
  const box = useRef<HTMLDivElement>(null);
  const isOpen = tip !== null;

  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let byTab = false;
    const wait = (act: () => void, ms: number) => {
      clearTimeout(timer);
      timer = setTimeout(act, ms);
    };
    const hide = () => {
      clearTimeout(timer);
      setTip(null);
    };
    const show = (found: { element: Element; text: string }) => { if (found.element.isConnected) setTip(placeAt(found.element, found.text)); };
    const onOver = (event: PointerEvent) => {
      if (event.pointerType === "touch") return;
      if (event.target instanceof Node && box.current?.contains(event.target)) {
        clearTimeout(timer);
        return;
      }
      const found = tipOf(event.target, false);
      if (found === null) wait(hide, 100);
      else wait(() => { show(found); }, HOVER_MS);
    };
    const onKey = (event: KeyboardEvent) => {
      byTab = event.key === "Tab" || event.key.startsWith("Arrow");
      if (event.key !== "Escape" || box.current === null) return;
      event.preventDefault();
      event.stopPropagation();
      hide();
    };
    const onFocus = (event: FocusEvent) => {
      const found = byTab ? tipOf(event.target, true) : null;
      if (found === null) hide();
      else show(found);
    };
    const onDown = () => {
      byTab = false;
      hide();
    };
    const listening = new AbortController();
    const { signal } = listening;
    document.addEventListener("pointerover", onOver, { signal });
    document.addEventListener("pointerdown", onDown, { capture: true, signal });
    document.addEventListener("scroll", hide, { capture: true, signal });
    window.addEventListener("keydown", onKey, { capture: true, signal });
    document.addEventListener("focusin", onFocus, { signal });
    document.addEventListener("focusout", hide, { signal });
    return () => {
      clearTimeout(timer);
      listening.abort();
    };
  }, []);
  // In the top layer, so that a dialog does not cover it.
  useEffect(() => {
    if (!isOpen) return;
    box.current?.setAttribute("popover", "manual"); // React 18 does not know it
    box.current?.showPopover();
  }, [isOpen]);

  if (tip === null) return null;
  return (
    <div
      ref={box}
      role="tooltip"
      style={tip.fromRight ? { top: tip.top, right: tip.left, left: "auto" } : { top: tip.top, left: tip.left }}
      className="fixed inset-auto m-0 max-w-72 rounded-md border border-border-strong bg-text px-2 py-1 text-12 break-words text-bg forced-colors:bg-surface forced-colors:text-text"
    >
      {tip.text}
    </div>
  );
}

import type { RefObject } from "react";
import { useEffect, useState } from "react";

const OVERSCAN = 4;
const STILL_MS = 100;

export interface VirtualRows {
  /** First row to draw, and the one after the last. */
  readonly start: number;
  readonly end: number;
  /** Height of what is not drawn above and below. */
  readonly before: number;
  readonly after: number;
}

/** Which rows of equal height to draw in a scrolled box. Pure. */
export function visibleRows(count: number, rowHeight: number, scrollTop: number, height: number): VirtualRows {
  const start = Math.min(count, Math.max(0, Math.floor(scrollTop / rowHeight) - OVERSCAN));
  const end = Math.min(count, Math.ceil((scrollTop + height) / rowHeight) + OVERSCAN);
  return { start, end, before: start * rowHeight, after: (count - end) * rowHeight };
}

/**
 * Follows the scrolled box; draws again only when the rows to draw change. While it moves it is marked `data-moving`, so
 * that its rows need not be told of a pointer that they pass under.
 */
export function useVirtualRows(box: RefObject<HTMLElement | null>, count: number, rowHeight: number): VirtualRows {
  const [{ top, height }, setView] = useState({ top: 0, height: 800 });
  // Not a layout effect: those run before the ref of a box further up is set.
  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    const look = () => {
      const next = { top: Math.floor(element.scrollTop / rowHeight) * rowHeight, height: element.clientHeight || 800 };
      setView((view) => (view.top === next.top && view.height === next.height ? view : next));
    };
    let still: ReturnType<typeof setTimeout> | undefined;
    const move = () => {
      if (still === undefined) element.dataset.moving = "";
      clearTimeout(still);
      still = setTimeout(() => {
        still = undefined;
        delete element.dataset.moving;
      }, STILL_MS);
      look();
    };
    look();
    element.addEventListener("scroll", move, { passive: true });
    const observer = new ResizeObserver(look);
    observer.observe(element);
    return () => {
      clearTimeout(still);
      delete element.dataset.moving;
      element.removeEventListener("scroll", move);
      observer.disconnect();
    };
  }, [box, rowHeight]);
  return visibleRows(count, rowHeight, top, height);
}

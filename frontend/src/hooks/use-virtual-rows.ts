import type { RefObject } from "react";
import { useEffect, useState } from "react";

const OVERSCAN = 4;

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

/** Follows the scrolled box; draws again only when the rows to draw change. */
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
    look();
    element.addEventListener("scroll", look, { passive: true });
    const observer = new ResizeObserver(look);
    observer.observe(element);
    return () => {
      element.removeEventListener("scroll", look);
      observer.disconnect();
    };
  }, [box, rowHeight]);
  return visibleRows(count, rowHeight, top, height);
}

import type { RefObject } from "react";
import { useEffect, useState } from "react";

/** The width of an element, px; `first` until it is known. */
export function useWidth(element: RefObject<HTMLElement | null>, first: number): number {
  const [width, setWidth] = useState(first);
  useEffect(() => {
    const node = element.current;
    if (node === null) return;
    const look = () => { if (node.clientWidth > 0) setWidth(node.clientWidth); };
    look();
    const observer = new ResizeObserver(look);
    observer.observe(node);
    return () => { observer.disconnect(); };
  }, [element]);
  return width;
}

import { useCallback, useState } from "react";

/** The ids after a click: one is toggled; with shift all from the last clicked one take its new state. Pure. */
export function selectRange(selected: ReadonlySet<string>, ids: readonly string[], anchor: string | null, id: string, isRange: boolean): ReadonlySet<string> {
  const next = new Set(selected);
  const on = !selected.has(id);
  const from = anchor === null ? -1 : ids.indexOf(anchor);
  const to = ids.indexOf(id);
  const range = isRange && from >= 0 && to >= 0 ? ids.slice(Math.min(from, to), Math.max(from, to) + 1) : [id];
  for (const each of range) {
    if (on) next.add(each);
    else next.delete(each);
  }
  return next;
}

interface State {
  readonly selected: ReadonlySet<string>;
  readonly anchor: string | null;
}

const NOTHING: State = { selected: new Set(), anchor: null };

/** Which rows are selected, by id. */
export function useSelection() {
  const [{ selected, anchor }, setState] = useState(NOTHING);
  const toggle = useCallback((ids: readonly string[], id: string, isRange: boolean) => {
    setState((old) => ({ selected: selectRange(old.selected, ids, old.anchor, id, isRange), anchor: id }));
  }, []);
  const set = useCallback((ids: readonly string[]) => { setState({ selected: new Set(ids), anchor: null }); }, []);
  const clear = useCallback(() => { setState(NOTHING); }, []);
  return { selected, anchor, toggle, set, clear };
}

export type Selection = ReturnType<typeof useSelection>;

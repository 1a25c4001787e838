import { useId, useMemo, useRef } from "react";
import { joinClasses } from "../lib/format";
import { parseJson } from "../lib/json";
import { FieldFrame } from "./field";
import { JsonMarks } from "./json-text";

interface JsonEditorProps {
  label: string;
  value: string;
  onText: (text: string) => void;
  problem?: string | null;
  hint?: string;
  rows?: number;
}

/** What is wrong with a JSON text, by line; null when nothing is. An empty text says `what` is expected. */
export function jsonFault(text: string, what = "JSON"): string | null {
  if (text.trim() === "") return `Write ${what}.`;
  try {
    parseJson(text);
    return null;
  } catch (error) {
    const at = /character (\d+)/.exec(error instanceof Error ? error.message : "")?.[1];
    if (at === undefined) return "This is no JSON.";
    const lines = text.slice(0, Number(at)).split("\n");
    return `This is no JSON: line ${lines.length}, character ${(lines.at(-1) ?? "").length + 1}.`;
  }
}

/** JSON to write, coloured as it is written: the text field stands over the same text in colours. */
export function JsonEditor({ label, value, onText, problem = null, hint = "Checked while you type.", rows = 8 }: JsonEditorProps) {
  const fault = useMemo(() => jsonFault(value), [value]);
  const colours = useRef<HTMLPreElement>(null);
  const hintId = useId();
  return (
    <FieldFrame label={label} problem={problem ?? (value === "" ? null : fault)} hint={<span id={hintId}>{hint}</span>}>
      {({ id, describedBy }) => (
        <div className={joinClasses("relative overflow-hidden rounded-md border bg-code-bg focus-within:border-accent", problem === null ? "border-border-control" : "border-red-mark")}>
          <pre
            ref={colours}
            aria-hidden
            className="pointer-events-none absolute inset-0 overflow-hidden px-3 py-2 leading-4.5 break-words whitespace-pre-wrap"
          >
            <JsonMarks text={value} />
          </pre>
          <textarea
            id={id}
            rows={rows}
            value={value}
            spellCheck={false}
            autoComplete="off"
            autoCapitalize="off"
            aria-describedby={describedBy}
            aria-invalid={fault !== null || problem !== null}
            onChange={(event) => { onText(event.target.value); }}
            onScroll={(event) => { if (colours.current !== null) colours.current.scrollTop = event.currentTarget.scrollTop; }}
            className="relative block w-full resize-y bg-transparent px-3 py-2 font-mono leading-4.5 break-words whitespace-pre-wrap text-transparent caret-text"
          />
        </div>
      )}
    </FieldFrame>
  );
}

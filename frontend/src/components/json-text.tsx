import type { ReactNode } from "react";
import { useMemo } from "react";

const TOKEN = /"(?:[^"\\\n]|\\.)*"(\s*:)?|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
const MARKED_UP_TO = 64_000;

/** Keys, strings and numbers in their colours; text that is longer stays plain, to keep the page quick. */
function mark(text: string): ReactNode {
  if (text.length > MARKED_UP_TO) return text;
  const parts: ReactNode[] = [];
  let end = 0;
  for (const match of text.matchAll(TOKEN)) {
    const [token] = match;
    parts.push(text.slice(end, match.index));
    const isString = token.startsWith('"');
    const colour = !isString ? "text-code-number" : match[1] === undefined ? "text-code-string" : "text-code-key";
    parts.push(<span key={match.index} className={colour}>{token}</span>);
    end = match.index + token.length;
  }
  return [...parts, text.slice(end)];
}

/** JSON text in colours. */
export function JsonMarks({ text }: { text: string }) {
  return <>{useMemo(() => mark(text), [text])}</>;
}

export function JsonText({ label, text }: { label: string; text: string }) {
  return (
    <pre tabIndex={0} aria-label={label} className="max-h-150 overflow-auto px-4 py-3 leading-4.5">
      <JsonMarks text={text} />
    </pre>
  );
}

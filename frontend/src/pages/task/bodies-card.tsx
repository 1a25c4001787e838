import { Eye } from "lucide-react";
import { useEffect, useMemo, useRef, useState } from "react";
import type { LogLine, Task } from "../../api/tasks";
import { revealTask } from "../../api/tasks";
import { Button } from "../../components/button";
import { Card } from "../../components/card";
import { Confirm } from "../../components/confirm";
import { CopyButton } from "../../components/copy-button";
import { JsonText } from "../../components/json-text";
import { Tabs } from "../../components/tabs";
import { useAction } from "../../hooks/use-action";
import { formatBytes, joinClasses } from "../../lib/format";
import type { Json } from "../../lib/json";
import { formatJson } from "../../lib/json";
import { formatClockMs } from "../../lib/time";

/** What the server writes in the place of a secret. */
const MASK = "**********";
const LARGE = 64_000;
const SHOWN_AT_FIRST = 4_000;

type Body = "payload" | "result" | "logs" | "raw";

function sizeOf(text: string): number {
  return new TextEncoder().encode(text).length;
}

/** What went in, what came out, what the handler said, and the whole record. */
export function BodiesCard({ task: known, mayReveal }: { task: Task; mayReveal: boolean }) {
  const [chosen, setChosen] = useState<Body | null>(null);
  const [isAsking, setAsking] = useState(false);
  const reveal = useAction({ run: revealTask, failed: () => "The secrets could not be shown" });
  const task = reveal.data ?? known;
  const texts = useMemo(() => ({ payload: formatJson(task.payload), result: formatJson(task.result), raw: formatJson(rawOf(task)) }), [task]);
  const shown = chosen ?? (task.status === "running" && task.logs.length > 0 ? "logs" : "payload");
  const hasResult = task.status === "completed" || task.result !== null;
  const resultNote = hasResult ? formatBytes(sizeOf(texts.result)) : task.status === "running" || task.status === "pending" ? "not yet" : "none";
  const logText = task.logs.map((line) => `${line.at?.toISOString() ?? ""} ${line.level} ${line.text}`).join("\n");
  const copied = shown === "logs" ? logText : texts[shown];
  return (
    <Card>
      <Tabs
        label="Bodies"
        tabs={[
          { id: "payload", label: "Payload", note: formatBytes(sizeOf(texts.payload)) },
          { id: "result", label: "Result", note: resultNote },
          { id: "logs", label: "Logs", note: String(task.logs.length) },
          { id: "raw", label: "Raw" },
        ]}
        chosen={shown}
        onChoose={(id) => { setChosen(id as Body); }}
        tools={
          <>
            {mayReveal && reveal.data === undefined && texts.raw.includes(MASK) && (
              <Button onClick={() => { setAsking(true); }}><Eye size={14} aria-hidden />Reveal secrets…</Button>
            )}
            <CopyButton name={shown} words="Copy" text={copied} />
          </>
        }
      >
        {shown === "logs" ? (
          <Logs lines={task.logs} follows={task.status === "running"} />
        ) : shown === "result" && !hasResult ? (
          <p className="px-4 py-3 text-text-2">{task.status === "running" ? "It has no result yet." : "It has no result."}</p>
        ) : (
          <LongJson key={shown} label={{ payload: "Payload as JSON", result: "Result as JSON", raw: "The whole task as JSON" }[shown]} text={texts[shown]} name={`${task.id}-${shown}.json`} />
        )}
      </Tabs>
      {isAsking && (
        <Confirm
          title="Reveal the secrets of this task"
          consequence="The audit log notes that your key did, and when. They are hidden again when you leave this page."
          confirm="Reveal secrets"
          keep="Leave them hidden"
          onConfirm={() => { reveal.mutate(known.id); }}
          onClose={() => { setAsking(false); }}
        />
      )}
    </Card>
  );
}

function LongJson({ label, text, name }: { label: string; text: string; name: string }) {
  const [all, setAll] = useState(false);
  const size = useMemo(() => sizeOf(text), [text]);
  const cut = size > LARGE && !all;
  const download = () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
    link.download = name;
    link.click();
    URL.revokeObjectURL(link.href);
  };
  return (
    <>
      <JsonText label={label} text={cut ? text.slice(0, SHOWN_AT_FIRST) : text} />
      {cut && (
        <div className="flex items-center gap-3 border-t border-border px-4 py-2 text-12 text-text-2">
          The first {formatBytes(SHOWN_AT_FIRST)} of {formatBytes(size)}.
          <Button onClick={() => { setAll(true); }}>Show all</Button>
          <Button onClick={download}>Download</Button>
        </div>
      )}
    </>
  );
}

const LEVEL: Readonly<Record<string, string>> = { warning: "text-amber-fg", warn: "text-amber-fg", error: "text-red-fg", critical: "text-red-fg" };

/** The newest lines; while the task runs the view stays at the end unless somebody scrolls up. */
function Logs({ lines, follows }: { lines: readonly LogLine[]; follows: boolean }) {
  const box = useRef<HTMLPreElement>(null);
  const atEnd = useRef(true);
  useEffect(() => {
    if (follows && atEnd.current && box.current !== null) box.current.scrollTop = box.current.scrollHeight;
  }, [lines, follows]);
  if (lines.length === 0) return <p className="px-4 py-3 text-text-2">The handler logged nothing.</p>;
  return (
    <pre
      ref={box}
      tabIndex={0}
      aria-label="Logs"
      onScroll={({ currentTarget: { scrollTop, clientHeight, scrollHeight } }) => { atEnd.current = scrollTop + clientHeight > scrollHeight - 8; }}
      className="m-4 max-h-100 overflow-auto rounded-md border border-border bg-code-bg px-3 py-2.5 leading-4.5"
    >
      {lines.map((line, index) => (
        <div key={index} className="flex gap-3">
          <span className="shrink-0 text-text-3">{line.at === null ? "" : formatClockMs(line.at)}</span>
          <span className={joinClasses("w-12 shrink-0", LEVEL[line.level] ?? "text-text-2")}>{line.level}</span>
          <span className="min-w-0 break-words whitespace-pre-wrap">{line.text}</span>
        </div>
      ))}
    </pre>
  );
}

/** Every field of the task as the page knows it, times as text. */
function rawOf(task: Task): Json {
  const plain = (value: unknown): Json => {
    if (value instanceof Date) return value.toISOString();
    if (Array.isArray(value)) return value.map(plain);
    if (value !== null && typeof value === "object" && Object.getPrototypeOf(value) === Object.prototype)
      return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, plain(part)]));
    return value as Json;
  };
  return plain(task);
}

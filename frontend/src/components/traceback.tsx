import { useMemo } from "react";
import { joinClasses } from "../lib/format";
import type { FoldedPart, Frame } from "../lib/traceback";
import { failingFrame, foldedWords, foldLibraries, parseTraceback } from "../lib/traceback";

interface TracebackProps {
  text: string;
  showsAll: boolean;
  className?: string;
}

/** A traceback with the user's frames in sight, libraries' folded, and the failing line marked. */
export function Traceback({ text, showsAll, className }: TracebackProps) {
  const { failing, parts } = useMemo(() => {
    const parsed = parseTraceback(text);
    return { failing: failingFrame(parsed), parts: showsAll ? parsed : foldLibraries(parsed) };
  }, [text, showsAll]);
  return (
    <pre
      tabIndex={0}
      aria-label="Traceback"
      className={joinClasses("overflow-auto rounded-md border border-border bg-code-bg py-2.5 leading-4.5", className)}
    >
      {parts.map((part, index) => (
        <Part key={index} part={part} isFailing={part === failing} />
      ))}
    </pre>
  );
}

function Part({ part, isFailing }: { part: FoldedPart; isFailing: boolean }) {
  if (part.kind === "folded") return <div className="px-3 pl-6 text-text-3">{foldedWords(part.frames)}</div>;
  if (part.kind === "text")
    return <div className={joinClasses("px-3", part.isError ? "font-semibold text-red-fg" : "text-text-2")}>{part.text}</div>;
  return (
    <div>
      <div className={joinClasses("px-3", isFailing ? "text-text" : "text-text-2")}>
        <FrameHead frame={part} strong={isFailing} />
      </div>
      {part.code.map((line, index) => (
        <div key={index} className={joinClasses("px-3", isFailing ? "bg-red-bg" : "text-text-2")}>
          {isFailing && index === 0 ? <span aria-label="Failing line:" className="text-red-fg">❱ </span> : "  "}
          {line.replace(/^ {4}/, "  ")}
        </div>
      ))}
    </div>
  );
}

function FrameHead({ frame, strong }: { frame: Frame; strong: boolean }) {
  const weight = strong ? "font-semibold" : "";
  return (
    <>
      <span className={weight}>{shortPath(frame.file)}</span>, line <span className={weight}>{frame.line}</span>
      {frame.name !== "" && <>, in <span className={weight}>{frame.name}</span></>}
    </>
  );
}

/** The last parts of a path say which file it is. */
function shortPath(file: string): string {
  const parts = file.split(/[\\/]/);
  return parts.length <= 3 ? file : parts.slice(-2).join("/");
}

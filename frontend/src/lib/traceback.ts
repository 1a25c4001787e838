/** A Python traceback, cut into frames, so that the one that matters stands out. Pure. */

export interface Frame {
  readonly kind: "frame";
  readonly file: string;
  readonly line: number;
  readonly name: string;
  /** Source lines with the marks below them. */
  readonly code: readonly string[];
  /** Of a library or of the queue itself, not of the user's handlers. */
  readonly isLibrary: boolean;
  readonly owner: string;
}

interface Text {
  readonly kind: "text";
  readonly text: string;
  /** Says which exception it was. */
  readonly isError: boolean;
}

export type TracebackPart = Frame | Text;

const HEAD = "Traceback (most recent call last):";
const FRAME = /^\s*File "([^"]+)", line (\d+)(?:, in (.+))?$/;
const PACKAGE = /(?:site-packages|dist-packages)[\\/]+([^\\/]+)/;
const STANDARD = /[\\/]lib(?:64)?[\\/]python[\d.]+[\\/]+([^\\/]+)|^<frozen ([^>]+)>/;
const OWN = /[\\/](worker_host|shared)[\\/]/;

function ownerOf(file: string): { isLibrary: boolean; owner: string } {
  const library = PACKAGE.exec(file) ?? STANDARD.exec(file);
  if (library) return { isLibrary: true, owner: (library[1] ?? library[2] ?? "python").replace(/\.py$/, "") };
  if (OWN.test(file) && !/[\\/]handlers[\\/]/.test(file)) return { isLibrary: true, owner: "dtq" };
  return { isLibrary: false, owner: "" };
}

export function parseTraceback(text: string): readonly TracebackPart[] {
  const parts: TracebackPart[] = [];
  let code: string[] | null = null;
  for (const line of text.trimEnd().split("\n")) {
    const found = FRAME.exec(line);
    if (found) {
      code = [];
      const file = found[1] ?? "";
      parts.push({ kind: "frame", file, line: Number(found[2]), name: found[3] ?? "", code, ...ownerOf(file) });
    } else if (code !== null && /^\s{4}/.test(line)) {
      code.push(line);
    } else {
      code = null;
      if (line.trim() !== "" && line !== HEAD) parts.push({ kind: "text", text: line, isError: /^[\w.]+(?::|$)/.test(line) });
    }
  }
  return parts;
}

/** The last frame of the user's own code before the error: where to look first. */
export function failingFrame(parts: readonly TracebackPart[]): Frame | null {
  const frames = parts.filter((part) => part.kind === "frame");
  return frames.findLast((frame) => !frame.isLibrary) ?? frames.at(-1) ?? null;
}

export type FoldedPart = TracebackPart | { readonly kind: "folded"; readonly frames: readonly Frame[] };

/** Runs of library frames become one line each; the failing frame never does. */
export function foldLibraries(parts: readonly TracebackPart[]): readonly FoldedPart[] {
  const failing = failingFrame(parts);
  const folded: FoldedPart[] = [];
  let run: Frame[] = [];
  const flush = () => {
    if (run.length > 0) folded.push({ kind: "folded", frames: run });
    run = [];
  };
  for (const part of parts) {
    if (part.kind === "frame" && part.isLibrary && part !== failing) run.push(part);
    else {
      flush();
      folded.push(part);
    }
  }
  flush();
  return folded;
}

/** "4 frames in dtq and smtplib folded". */
export function foldedWords(frames: readonly Frame[]): string {
  const owners = [...new Set(frames.map((frame) => frame.owner))];
  const names = owners.length > 2 ? `${owners.slice(0, 2).join(", ")} and others` : owners.join(" and ");
  return `${frames.length} ${frames.length === 1 ? "frame" : "frames"} in ${names} folded`;
}

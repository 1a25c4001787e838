import type { ReactNode } from "react";
import { useEffect, useId, useRef } from "react";
import { X } from "lucide-react";
import { joinClasses } from "../lib/format";
import { IconButton } from "./icon-button";

interface DialogProps {
  title: ReactNode;
  onClose: () => void;
  /** `sheet` stands at the right edge, full height. */
  look?: "box" | "wide" | "sheet";
  children: ReactNode;
}

const LOOK: Readonly<Record<NonNullable<DialogProps["look"]>, string>> = {
  box: "m-auto w-110 max-w-[calc(100vw-24px)] rounded-lg",
  wide: "m-auto w-180 max-w-[calc(100vw-24px)] rounded-lg",
  sheet: "my-0 mr-0 ml-auto h-dvh max-h-dvh w-130 max-w-[100vw]",
};

/** A modal dialog, shown as long as it is rendered. The browser keeps focus inside, closes on Esc, returns focus. */
export function Dialog({ title, onClose, look = "box", children }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const element = dialog.current;
    if (element === null || element.open) return;
    const before = document.activeElement;
    element.showModal();
    return () => {
      element.close();
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  return (
    <dialog
      ref={dialog}
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onPointerDown={(event) => { if (event.target === dialog.current) onClose(); }}
      className={joinClasses("border border-border bg-surface text-text shadow-2", LOOK[look])}
    >
      <div className="flex max-h-[inherit] min-h-0 flex-col">
        <div className="flex min-h-13 items-center gap-3 border-b border-border py-2 pr-3 pl-5">
          <h2 id={id} className="min-w-0 flex-1 truncate text-15 font-semibold">{title}</h2>
          <IconButton icon={X} label="Close" onClick={onClose} />
        </div>
        <div className="min-h-0 overflow-y-auto p-5">{children}</div>
      </div>
    </dialog>
  );
}

/** The buttons at a dialog's foot. */
export function DialogActions({ children }: { children: ReactNode }) {
  return <div className="mt-5 flex flex-wrap justify-end gap-2 max-md:flex-col-reverse">{children}</div>;
}

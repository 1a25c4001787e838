import { Check, Copy } from "lucide-react";
import { useEffect, useState } from "react";
import { Button } from "./button";
import { IconButton } from "./icon-button";

interface CopyButtonProps {
  text: string | (() => string);
  /** What is copied: "Copy {name}". */
  name: string;
  /** Shows the word beside the icon. */
  words?: string;
  className?: string;
  tabIndex?: number;
}

/** Copies a text and says so for two seconds. */
export function CopyButton({ text, name, words, className, tabIndex }: CopyButtonProps) {
  const [outcome, setOutcome] = useState<"copied" | "failed" | null>(null);
  useEffect(() => {
    if (outcome === null) return;
    const timer = setTimeout(() => { setOutcome(null); }, 2000);
    return () => { clearTimeout(timer); };
  }, [outcome]);

  const copy = async () => {
    try {
      await navigator.clipboard.writeText(typeof text === "string" ? text : text());
      setOutcome("copied");
    } catch {
      setOutcome("failed"); // the browser allows it on https and localhost only
    }
  };
  const done = { copied: "Copied", failed: "Could not copy" } as const;
  const Icon = outcome === "copied" ? Check : Copy;
  const label = outcome === null ? `Copy ${name}` : done[outcome];
  const onClick = (event: { stopPropagation: () => void }) => {
    event.stopPropagation();
    void copy();
  };
  if (words === undefined) return <IconButton icon={Icon} label={label} onClick={onClick} className={className} tabIndex={tabIndex} />;
  return (
    <Button kind="quiet" onClick={onClick} className={className} tabIndex={tabIndex}>
      <Icon size={14} aria-hidden />
      <span aria-live="polite">{outcome === null ? words : done[outcome]}</span>
    </Button>
  );
}

import { CircleX } from "lucide-react";
import { useState } from "react";
import type { Attempt } from "../../api/tasks";
import { Button } from "../../components/button";
import { Card } from "../../components/card";
import { CopyButton } from "../../components/copy-button";
import { Tabs } from "../../components/tabs";
import { Traceback } from "../../components/traceback";

interface ErrorCardProps {
  /** Those that failed, as the server has them. */
  attempts: readonly { readonly attempt: Attempt; readonly index: number }[];
  chosen: number;
  onChoose: (index: number) => void;
}

/** The errors of the attempts, the newest first, and where each arose. */
export function ErrorCard({ attempts, chosen, onChoose }: ErrorCardProps) {
  const [all, setAll] = useState(false);
  const newest = attempts.toReversed();
  const last = newest[0]?.attempt.error;
  const error = attempts.find(({ index }) => index === chosen)?.attempt.error;
  if (!error) return null;
  const summary = error.message === "" ? error.type : `${error.type}: ${error.message}`;
  const tabs = newest.map(({ attempt, index }, place) => {
    const same = place > 0 && attempt.error?.type === last?.type && attempt.error?.message === last?.message;
    return { id: String(index), label: `Attempt ${attempt.number}`, note: same ? "same error" : undefined };
  });
  return (
    <Card>
      <Tabs
        label="Errors by attempt"
        tabs={tabs}
        chosen={String(chosen)}
        onChoose={(id) => { onChoose(Number(id)); }}
        tools={
          <>
            {error.traceback !== null && (
              <Button kind="quiet" className="max-md:hidden" aria-pressed={all} onClick={() => { setAll(!all); }}>
                {all ? "Fold libraries" : "Show all frames"}
              </Button>
            )}
            <CopyButton name="error" words="Copy" text={error.traceback ?? summary} />
          </>
        }
      >
        <div className="p-4">
          <p className="flex gap-2 font-medium text-red-fg">
            <CircleX size={14} aria-hidden className="mt-0.75 shrink-0" />
            <span className="min-w-0 break-words">{summary}</span>
          </p>
          {error.traceback !== null && <Traceback text={error.traceback} showsAll={all} className="mt-3 max-h-120" />}
        </div>
      </Tabs>
    </Card>
  );
}

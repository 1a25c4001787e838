import { CircleX } from "lucide-react";
import type { TaskError } from "../../api/tasks";
import { Card } from "../../components/card";
import { CopyButton } from "../../components/copy-button";

/** The error of one attempt and where it arose. */
export function ErrorCard({ error, attempt }: { error: TaskError; attempt: number }) {
  const summary = error.message === "" ? error.type : `${error.type}: ${error.message}`;
  return (
    <Card
      title="Error"
      note={`attempt ${attempt}`}
      tools={<CopyButton name="error" words="Copy" text={error.traceback ?? summary} />}
    >
      <div className="px-4 pb-4">
        <p className="flex gap-2 font-medium break-words text-red-fg">
          <CircleX size={14} aria-hidden className="mt-0.75 shrink-0" />
          <span className="min-w-0 break-words">{summary}</span>
        </p>
        {error.traceback !== null && (
          <pre
            tabIndex={0}
            aria-label="Traceback"
            className="mt-3 max-h-120 overflow-auto rounded-md border border-border bg-code-bg px-3 py-2.5 leading-4.5"
          >
            {error.traceback.trimEnd()}
          </pre>
        )}
      </div>
    </Card>
  );
}

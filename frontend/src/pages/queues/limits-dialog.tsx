import type { SyntheticEvent } from "react";
import { useState } from "react";
import type { Queue } from "../../api/overview";
import { Button } from "../../components/button";
import { Dialog, DialogActions } from "../../components/dialog";
import { TextField } from "../../components/field";
import { useQueueActions } from "../../hooks/use-queue-actions";
import type { LimitDraft, LimitProblems } from "./limits";
import { draftOf, readDraft } from "./limits";

/** Bounds how many tasks of a queue, and of each limit key in it, run at once and how often they start. */
export function LimitsDialog({ queue, onClose }: { queue: Queue; onClose: () => void }) {
  const [own, setOwn] = useState(() => draftOf(queue.limit));
  const [perKey, setPerKey] = useState(() => draftOf(queue.keyLimit));
  const [isTried, setTried] = useState(false);
  const { limit } = useQueueActions();
  const [readOwn, readPerKey] = [readDraft(own), readDraft(perKey)];
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    if ("problems" in readOwn || "problems" in readPerKey) {
      setTried(true);
      return;
    }
    limit.mutate({ name: queue.name, limit: readOwn.limit, perKey: readPerKey.limit });
    onClose();
  };
  const problemsOf = (read: ReturnType<typeof readDraft>) => (isTried && "problems" in read ? read.problems : {});
  return (
    <Dialog title={`Limits of queue ${queue.name}`} onClose={onClose}>
      <form onSubmit={submit} noValidate>
        <p className="mb-4 text-text-2">In force on all workers at once. What runs goes on; an empty field is no bound.</p>
        <LimitFields legend="The whole queue" draft={own} problems={problemsOf(readOwn)} onDraft={setOwn} autoFocus />
        <LimitFields legend="Each limit key, such as a customer" draft={perKey} problems={problemsOf(readPerKey)} onDraft={setPerKey} />
        <DialogActions>
          <Button onClick={onClose}>Leave as they are</Button>
          <Button type="submit" kind="primary">Set limits</Button>
        </DialogActions>
      </form>
    </Dialog>
  );
}

interface LimitFieldsProps {
  legend: string;
  draft: LimitDraft;
  problems: LimitProblems;
  onDraft: (draft: LimitDraft) => void;
  autoFocus?: boolean;
}

function LimitFields({ legend, draft, problems, onDraft, autoFocus = false }: LimitFieldsProps) {
  const field = (name: keyof LimitDraft) => ({
    value: draft[name],
    problem: problems[name] ?? null,
    onText: (text: string) => { onDraft({ ...draft, [name]: text }); },
    inputMode: "decimal" as const,
  });
  return (
    <fieldset className="mb-4">
      <legend className="mb-2 text-12 text-text-2">{legend}</legend>
      <div className="grid grid-cols-1 gap-3 sm:grid-cols-3">
        <TextField label="Tasks at once" placeholder="no bound" autoFocus={autoFocus} {...field("concurrency")} />
        <TextField label="Starts" placeholder="no bound" {...field("starts")} />
        <TextField label="in seconds" {...field("seconds")} />
      </div>
    </fieldset>
  );
}

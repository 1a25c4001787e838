import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { CircleCheck, CircleDashed, Send } from "lucide-react";
import { useEffect, useSyncExternalStore } from "react";
import { keyStore } from "../../api/key";
import { submitTask } from "../../api/operations";
import type { Worker } from "../../api/overview";
import { readinessOptions } from "../../api/readiness";
import { taskTypesOptions } from "../../api/task-types";
import { Button, buttonClass } from "../../components/button";
import { CopyButton } from "../../components/copy-button";
import { useAction } from "../../hooks/use-action";
import { plural } from "../../lib/format";
import type { Json } from "../../lib/json";
import { formatJson } from "../../lib/json";
import { START_COMMAND } from "../../lib/start-command";
import { formatDuration } from "../../lib/time";

interface Demo {
  readonly type: string;
  readonly payload: Json;
}

/** Types that do no harm when they are tried: the example of `python -m local`, and one of those that come with the product. */
const DEMOS: readonly [Demo, ...Demo[]] = [
  { type: "hello", payload: { name: "Ada" } },
  { type: "data", payload: { source: { csv: "region,price\nnorth,2.50\nsouth,2.00\n" }, steps: [{ op: "derive", column: "double", expression: "price * 2" }] } },
];

interface FirstRunProps {
  workers: readonly Worker[];
  mayAct: boolean;
}

/** The three checks of a new installation, and two ways to make the first task. */
export function FirstRun({ workers, mayAct }: FirstRunProps) {
  const { key } = useSyncExternalStore(keyStore.subscribe, keyStore.getSnapshot);
  const client = useQueryClient();
  const { data: types = [] } = useQuery(taskTypesOptions());
  const { data: ready } = useQuery(readinessOptions());
  const submit = useAction({
    run: submitTask,
    refresh: [["overview"], ["tasks"]],
    done: (_, { type }) => `A demo task of \`${type}\` was submitted`,
    failed: () => "The demo task could not be submitted",
  });
  const demo = DEMOS.find(({ type }) => types.some(({ name, isLive }) => isLive && name === type));
  const { type, payload } = demo ?? DEMOS[0];
  const command = [
    `curl ${window.location.origin}/api/tasks \\`,
    ...(key === null ? [] : [`  -H "Authorization: Bearer $DTQ_KEY" \\`]),
    `  -H "Content-Type: application/json" \\`,
    `  -d '${JSON.stringify({ task_type: type, payload })}'`,
  ].join("\n");
  const slots = workers.reduce((sum, worker) => sum + worker.slots, 0);
  const known = new Set(workers.flatMap((worker) => worker.types)).size;
  // A worker that starts while this is looked at brings the types that can be tried.
  useEffect(() => { void client.invalidateQueries({ queryKey: taskTypesOptions().queryKey }); }, [client, known]);
  const checks = [
    { done: true, text: ready === undefined ? "Redis answers" : `Redis answers through the API in ${formatDuration(ready.ms)}` },
    { done: workers.length > 0, text: workers.length > 0 ? `${plural(workers.length, "worker is", "workers are")} ready, ${plural(slots, "slot")}, ${plural(known, "task type")}` : "No worker is running. Tasks wait safely until one starts." },
    { done: false, text: "Submit the first task" },
  ];
  return (
    <div className="p-6">
      <h2 className="text-15 font-semibold">Nothing has been submitted yet</h2>
      <ul className="mt-3 flex flex-col gap-2">
        {checks.map(({ done, text }) => (
          <li key={text} className="flex items-center gap-2.5">
            {done ? <CircleCheck size={16} aria-label="Done:" className="text-green-fg" /> : <CircleDashed size={16} aria-label="Open:" className="text-neutral-fg" />}
            {text}
          </li>
        ))}
      </ul>
      {workers.length === 0 && (
        <p className="mt-4 flex flex-wrap items-center gap-2">
          <code className="rounded-md border border-border bg-code-bg px-2 py-1">{START_COMMAND}</code>
          <CopyButton name="command that starts a worker" text={START_COMMAND} />
        </p>
      )}
      <pre tabIndex={0} aria-label="Command that submits a task" className="mt-4 max-w-200 overflow-x-auto rounded-md border border-border bg-code-bg p-3 leading-4.5">
        {command}
      </pre>
      <div className="mt-3 flex flex-wrap gap-2">
        {mayAct && (demo === undefined ? (
          <Link to="/submit" className={buttonClass("primary")}><Send size={14} aria-hidden />Submit a task</Link>
        ) : (
          <Button kind="primary" aria-busy={submit.isPending} onClick={() => { submit.mutate({ type, payload: formatJson(payload), options: {} }); }}>
            <Send size={14} aria-hidden />
            Submit a demo task
          </Button>
        ))}
        <CopyButton text={command} name="command" words="Copy" className="border border-border-strong" />
      </div>
    </div>
  );
}

import { useSyncExternalStore } from "react";
import { CircleCheck, CircleDashed } from "lucide-react";
import { keyStore } from "../../api/key";
import { CopyButton } from "../../components/copy-button";
import { plural } from "../../lib/format";

/** The three checks of a new installation, and the command that makes the first task. */
export function FirstRun({ workers }: { workers: number }) {
  const { key } = useSyncExternalStore(keyStore.subscribe, keyStore.getSnapshot);
  const command = [
    `curl ${window.location.origin}/api/tasks \\`,
    ...(key === null ? [] : [`  -H "Authorization: Bearer $DTQ_KEY" \\`]),
    `  -H "Content-Type: application/json" \\`,
    `  -d '{"task_type": "email", "payload": {"to": "ann@example.com", "subject": "Hello", "text": "From the queue."}}'`,
  ].join("\n");
  const checks = [
    { done: true, text: "Redis answers" },
    { done: workers > 0, text: workers > 0 ? `${plural(workers, "worker is", "workers are")} ready` : "No worker is running. Tasks wait safely until one starts." },
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
      <pre tabIndex={0} aria-label="Command that submits a task" className="mt-4 max-w-200 overflow-x-auto rounded-md border border-border bg-code-bg p-3 leading-4.5">
        {command}
      </pre>
      <CopyButton text={command} name="command" words="Copy" className="mt-3" />
    </div>
  );
}

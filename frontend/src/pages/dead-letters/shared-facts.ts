import type { Worker } from "../../api/overview";
import type { Task } from "../../api/tasks";

export interface SharedFact {
  readonly name: string;
  readonly value: string;
  readonly count: number;
}

/** The value that most have, when at least two thirds do. */
function mostCommon(name: string, values: readonly (string | null)[]): SharedFact | null {
  const counts = new Map<string, number>();
  for (const value of values) if (value !== null) counts.set(value, (counts.get(value) ?? 0) + 1);
  const [best] = [...counts].sort(([, a], [, b]) => b - a);
  if (best === undefined || best[1] * 3 < values.length * 2) return null;
  return { name, value: best[0], count: best[1] };
}

function lastWorker(task: Task): string | null {
  return task.attempts.findLast((attempt) => attempt.worker !== null && attempt.worker !== "")?.worker ?? task.worker;
}

/** What dead tasks of one error have in common. A worker's version is known only while the worker is alive. */
export function sharedFacts(tasks: readonly Task[], workers: readonly Worker[]): readonly SharedFact[] {
  const byName = new Map(workers.map((worker) => [worker.name, worker]));
  const names = tasks.map(lastWorker);
  return [
    mostCommon("Worker version", names.map((name) => (name === null ? null : (byName.get(name)?.version ?? null)))),
    mostCommon("Queue", tasks.map((task) => task.queue)),
    mostCommon("Worker", names),
    mostCommon("Host", names.map((name) => (name === null ? null : (byName.get(name)?.host ?? null)))),
    mostCommon("Priority", tasks.map((task) => String(task.priority))),
    mostCommon("Attempts", tasks.map((task) => `${task.attempt} of ${task.maxRetries + 1}`)),
  ].filter((fact) => fact !== null);
}

import { useQueryClient } from "@tanstack/react-query";
import { useRef, useState } from "react";
import type { ErrorGroup } from "../../api/dead-letters";
import { requeueGroupStep } from "../../api/operations";
import { showProblem } from "../../hooks/use-action";
import { plural } from "../../lib/format";
import { toasts } from "../../lib/toasts";

export type Pace = "all" | "slow" | "one";

export const TASKS_A_SECOND = 20;
const STEP = 100;

interface Progress {
  readonly done: number;
  readonly of: number;
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Requeues a group in bounded steps, as fast as was asked for, and says how far it is. */
export function useGroupRequeue(group: ErrorGroup) {
  const client = useQueryClient();
  const [progress, setProgress] = useState<Progress | null>(null);
  const stopped = useRef(false);
  const goesOn = () => !stopped.current;

  const start = async (pace: Pace) => {
    stopped.current = false;
    const sum = { requeued: 0, skipped: 0, missing: 0 };
    const of = pace === "one" ? 1 : group.count;
    setProgress({ done: 0, of });
    try {
      let cursor: string | null = null;
      do {
        const step = await requeueGroupStep(group.fingerprint, pace === "one" ? 1 : pace === "slow" ? TASKS_A_SECOND : STEP, cursor);
        sum.requeued += step.requeued;
        sum.skipped += step.skipped;
        sum.missing += step.missing;
        cursor = step.next_cursor;
        setProgress({ done: sum.requeued + sum.skipped + sum.missing, of });
        if (pace === "slow" && cursor !== null) await pause(1000);
      } while (cursor !== null && pace !== "one" && goesOn());
      const rest = [sum.skipped > 0 ? `${sum.skipped} skipped` : "", sum.missing > 0 ? `${sum.missing} no longer kept` : ""].filter(Boolean);
      toasts.show({ tone: "green", text: [`${plural(sum.requeued, "task")} of \`${group.task.type}\` requeued`, ...rest].join(", ") });
    } catch (error) {
      showProblem(`${plural(sum.requeued, "task")} requeued, then it stopped`, error);
    } finally {
      setProgress(null);
      void client.invalidateQueries({ queryKey: ["dead-letters"] });
      void client.invalidateQueries({ queryKey: ["overview"] });
      void client.invalidateQueries({ queryKey: ["tasks"] });
    }
  };
  return { progress, start, stop: () => { stopped.current = true; } };
}

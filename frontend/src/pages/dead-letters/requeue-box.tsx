import { RotateCw } from "lucide-react";
import { useState } from "react";
import type { ErrorGroup } from "../../api/dead-letters";
import { Button } from "../../components/button";
import { LoadBar } from "../../components/load-bar";
import { Segmented } from "../../components/segmented";
import { formatCount, plural } from "../../lib/format";
import { formatDuration } from "../../lib/time";
import type { Pace } from "./use-group-requeue";
import { TASKS_A_SECOND, useGroupRequeue } from "./use-group-requeue";

function consequence(pace: Pace, count: number): string {
  const twice = "Attempts start again at 1. Work done before the failure may be done twice.";
  if (pace === "one") return `One task first, to see whether the cause is gone. ${twice}`;
  if (pace === "all") return `They start as fast as the workers take them. ${twice}`;
  return `Takes about ${formatDuration(Math.max(1, count / TASKS_A_SECOND) * 1000)}, while this page is open. ${twice}`;
}

/** How fast to try a group again, and what that means, before the button that does it. */
export function RequeueBox({ group }: { group: ErrorGroup }) {
  const [pace, setPace] = useState<Pace>(group.count > 20 ? "slow" : "all");
  const { progress, start, stop } = useGroupRequeue(group);
  const size = pace === "one" ? 1 : group.count;
  return (
    <div>
      <h3 className="font-semibold">Requeue {plural(group.count, "task")}</h3>
      <Segmented
        label="Pace"
        value={pace}
        onPick={setPace}
        className="mt-3 flex w-full"
        options={[
          { value: "all", text: "All at once" },
          { value: "slow", text: `${TASKS_A_SECOND} per s` },
          { value: "one", text: "1 first" },
        ]}
      />
      <p className="mt-2.5 text-12 text-text-2">{consequence(pace, group.count)}</p>
      {progress === null ? (
        <Button kind="primary" className="mt-3 w-full md:h-8" onClick={() => void start(pace)}>
          <RotateCw size={14} aria-hidden />
          Requeue {formatCount(size)}
        </Button>
      ) : (
        <div className="mt-3" role="status">
          <p className="flex items-center justify-between">
            {formatCount(progress.done)} of {formatCount(progress.of)}
            <Button onClick={stop}>Stop</Button>
          </p>
          <LoadBar share={progress.done / Math.max(1, progress.of)} tone="accent" className="mt-2 w-full" />
        </div>
      )}
    </div>
  );
}

import { formatCount, plural } from "../lib/format";
import { formatWait } from "../lib/time";
import type { Health, HealthInput, Need } from "./health-needs";
import { costNeed, deathNeeds, isHealthy, scheduleNeeds, workerNeeds } from "./health-needs";
import { growthNeed, pausedNeed, waitNeeds } from "./health-queues";
import type { Overview } from "./overview";

function workersSentence({ workers, counts }: Overview, now: number): string {
  const healthy = workers.filter((worker) => isHealthy(worker, now));
  if (healthy.length === 0) return "no worker is running";
  const slots = healthy.reduce((sum, worker) => sum + worker.slots, 0);
  return `${plural(healthy.length, "worker")}, ${formatCount(counts.running)} of ${plural(slots, "slot")} busy`;
}

function capitalise(sentence: string): string {
  return sentence.charAt(0).toUpperCase() + sentence.slice(1);
}

function restSentence({ overview, now }: HealthInput, needs: readonly Need[]): string {
  const has = (sign: Need["sign"]) => needs.some((need) => need.sign === sign);
  const noDeaths = "nothing died in the last 15 min";
  if (needs.length === 0) {
    const idle = overview.workers.length === 0 ? "No worker is running. Tasks wait safely until one starts" : "";
    return `${idle || capitalise(workersSentence(overview, now))}. ${capitalise(noDeaths)}.`;
  }
  const rest: string[] = [];
  if (overview.workers.some((worker) => isHealthy(worker, now))) rest.push(workersSentence(overview, now));
  if (!has("dead")) rest.push(noDeaths);
  if (!has("paused")) rest.push("no queue is held up by a pause");
  return rest.length === 0 ? "" : `The rest is well: ${rest.join("; ")}.`;
}

export function assessHealth(input: HealthInput): Health {
  const { overview, now } = input;
  const oldestMs = overview.oldestPendingSince === null ? null : Math.max(0, now - overview.oldestPendingSince.getTime());
  const workers = workerNeeds(overview, now);
  const paused = overview.queues.map(pausedNeed).filter((need) => need !== null);
  const waits = waitNeeds(input);
  const isExplained = waits.length + paused.length > 0 || workers.some((need) => need.size > 0);
  const growth = isExplained ? [] : growthNeed(overview.counts.pending, input.pace);
  const needs = [...workers, ...deathNeeds(input), ...paused, ...waits, ...growth, ...costNeed(input), ...scheduleNeeds(input)].sort(
    (a, b) => Number(a.tone === "amber") - Number(b.tone === "amber") || b.size - a.size,
  );
  const { running } = overview.counts;
  return {
    tone: needs.length === 0 ? "green" : needs.some((need) => need.tone === "red") ? "red" : "amber",
    title: needs.length === 0 ? "All is well" : needs.length === 1 ? "1 thing needs you" : `${needs.length} things need you`,
    facts: [
      input.pace?.perMinute == null ? `${formatCount(running)} running` : `${plural(input.pace.perMinute, "task")}/min`,
      oldestMs === null ? "nothing waits" : `oldest waiting ${formatWait(oldestMs)}`,
    ],
    rest: restSentence(input, needs),
    needs,
  };
}

import type { Stats } from "../../api/stats";
import { Card } from "../../components/card";
import { TimeChart } from "../../components/time-chart";
import { useCrosshair } from "../../hooks/use-crosshair";
import { formatCount, plural } from "../../lib/format";
import { formatMinute } from "../../lib/time";

interface SlotsCardProps {
  stats: Stats;
  /** Tasks that run now. */
  running: number;
  /** Of the workers that are healthy now; what there was earlier is not kept. */
  slots: number;
}

/** How many slots of all workers were in use at the end of each minute, below how many there are now. */
export function SlotsCard({ stats, running, slots }: SlotsCardProps) {
  const at = useCrosshair();
  const times = stats.steps.map((step) => step.at);
  const used = [...stats.steps.slice(0, -1).map((step) => step.running), running];
  const chosen = at === null ? -1 : times.indexOf(at);
  return (
    <Card title="Slots in use, all workers" tools={<span className="text-12 text-text-2">{chosen < 0 ? "last hour" : `${formatMinute(times[chosen] ?? 0)}: ${formatCount(used[chosen] ?? 0)}`}</span>}>
      <div className="px-4 pb-3">
        <TimeChart
          label={`Slots in use in the last hour, now ${formatCount(running)} of ${plural(slots, "slot")}, at most ${formatCount(Math.max(0, ...used.map((value) => value ?? 0)))}`}
          times={times}
          lines={[{ name: "slots now", look: "dashed", values: times.map(() => slots) }, { name: "in use", look: "area", values: used }]}
          height={210}
          format={formatCount}
          hasEndLabels
        />
      </div>
    </Card>
  );
}

import { useQueries } from "@tanstack/react-query";
import { useRef } from "react";
import type { Schedule } from "../../api/schedules";
import { previewOptions } from "../../api/schedules";
import { Card } from "../../components/card";
import { useNow } from "../../hooks/use-now";
import { useWidth } from "../../hooks/use-width";
import { formatCount, plural } from "../../lib/format";
import { timeTicks } from "../../lib/scale";
import { formatMinute } from "../../lib/time";

const DAY = 86_400_000;
const MOST = 300;
/** Runs closer than this on screen are drawn as a band. */
const DENSE_PX = 14;
const ROW = 27;
const LEFT = 140;

/** When each schedule runs within the next 24 hours, on one axis. */
export function NextDay({ schedules }: { schedules: readonly Schedule[] }) {
  const box = useRef<HTMLDivElement>(null);
  const width = useWidth(box, 800);
  const now = useNow();
  const on = schedules.filter((schedule) => schedule.paused === null);
  const previews = useQueries({
    queries: on.map(({ spec }) => ({ ...previewOptions(spec, MOST), refetchInterval: 300_000 })),
  });
  const rows = on
    .map((schedule, index) => ({ schedule, times: (previews[index]?.data ?? []).filter((at) => at.getTime() < now + DAY && at.getTime() >= now) }))
    .filter(({ times }) => times.length > 0);
  const isCut = previews.some((preview) => (preview.data?.length ?? 0) === MOST && (preview.data?.at(-1)?.getTime() ?? 0) < now + DAY);
  const total = rows.reduce((sum, { times }) => sum + times.length, 0);
  const narrow = width < 560;
  const left = narrow ? 100 : LEFT;
  const x = (at: number) => left + ((at - now) / DAY) * (width - left - 40);
  const height = rows.length * ROW + 30;
  return (
    <Card
      title="Next 24 hours"
      note={`${isCut ? "more than " : ""}${plural(total, "run")}; dense schedules are drawn as a band`}
      tools={<span className="text-12 text-text-2 max-md:hidden">{Intl.DateTimeFormat().resolvedOptions().timeZone}, your time zone</span>}
    >
      <div ref={box} className="px-4 pb-3">
        {rows.length === 0 ? (
          <p className="pb-1 text-text-2">Nothing runs within the next 24 hours.</p>
        ) : (
          <svg role="img" aria-label={rows.map(({ schedule, times }) => `${schedule.id}: ${formatCount(times.length)}`).join(", ")} width={width - 32} height={height} className="block text-12">
            {timeTicks(now, now + DAY, new Date(now).getTimezoneOffset(), narrow ? 4 : 9).map((tick) => (
              <g key={tick}>
                <line x1={x(tick) - 16} x2={x(tick) - 16} y1={0} y2={height - 26} className="stroke-border" />
                <text x={x(tick) - 16} y={height - 8} textAnchor="middle" className="fill-text-2 text-11">{formatMinute(tick)}</text>
              </g>
            ))}
            <line x1={left - 16} x2={left - 16} y1={0} y2={height - 26} strokeWidth={2} className="stroke-text" />
            {rows.map(({ schedule, times }, row) => (
              <Runs key={schedule.id} name={schedule.id} xs={times.map((at) => x(at.getTime()) - 16)} y={row * ROW + 14} />
            ))}
          </svg>
        )}
      </div>
    </Card>
  );
}

function Runs({ name, xs, y }: { name: string; xs: readonly number[]; y: number }) {
  const first = xs[0] ?? 0;
  const last = xs.at(-1) ?? first;
  const isDense = xs.length > 2 && (last - first) / (xs.length - 1) < DENSE_PX;
  return (
    <g>
      <text x={0} y={y + 4} className="fill-text-2">{name.length > 18 ? `${name.slice(0, 17)}…` : name}</text>
      {isDense ? (
        <>
          <rect x={first} y={y - 6} width={Math.max(2, last - first)} height={12} rx={2} className="fill-accent opacity-25" />
          {xs.map((x, index) => <line key={index} x1={x} x2={x} y1={y - 6} y2={y + 6} className="stroke-accent" />)}
        </>
      ) : (
        xs.map((x, index) => <circle key={index} cx={x} cy={y} r={4} className="fill-accent" />)
      )}
    </g>
  );
}

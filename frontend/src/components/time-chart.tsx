import type { KeyboardEvent, PointerEvent } from "react";
import { useRef } from "react";
import { setCrosshair, useCrosshair } from "../hooks/use-crosshair";
import { useWidth } from "../hooks/use-width";
import { areaPath, labelPlaces, linePath, niceTicks, timeTicks } from "../lib/scale";
import type { Marker } from "../lib/markers";
import { placeMarkers } from "../lib/markers";
import { formatMinute } from "../lib/time";

interface Line {
  readonly name: string;
  /** One value a time; null where nothing is known. */
  readonly values: readonly (number | null)[];
  readonly look: "area" | "dashed";
}

interface TimeChartProps {
  /** Says what the chart shows, with its figures. */
  label: string;
  times: readonly number[];
  lines: readonly Line[];
  /** Bars on a scale of their own below. */
  strip?: { readonly name: string; readonly values: readonly number[]; readonly tone: "red" | "amber" };
  markers?: readonly Marker[];
  height: number;
  format: (value: number) => string;
  /** Names the lines at their ends. */
  hasEndLabels?: boolean;
}

const LEFT = 46;
const STRIP = 22;
const AXIS = 22;
/** Half of a time's words below the axis. */
const TICK_PX = 16;
/** What a letter of a line's name needs. */
const CHARACTER_PX = 6.5;
/** What a marker's words need beside its line. */
const MARKER_PX = 240;

/** Lines over time, zero-based, with one crosshair for all charts of a page. */
export function TimeChart({ label, times, lines, strip, markers = [], height, format, hasEndLabels = false }: TimeChartProps) {
  const box = useRef<HTMLDivElement>(null);
  const width = useWidth(box, 600);
  const crosshair = useCrosshair();
  const right = width - (hasEndLabels ? Math.max(60, 16 + CHARACTER_PX * Math.max(...lines.map(({ name }) => name.length))) : 8);
  const base = height - AXIS - (strip ? STRIP + 8 : 0);
  const first = times[0] ?? 0;
  const last = times.at(-1) ?? first + 1;
  const ticks = niceTicks(Math.max(0, ...lines.flatMap((line) => line.values.map((value) => value ?? 0))));
  const top = ticks.at(-1) ?? 1;
  const x = (at: number) => LEFT + ((at - first) / Math.max(1, last - first)) * (right - LEFT);
  const y = (value: number) => 8 + (1 - value / top) * (base - 8);
  const xs = times.map(x);
  const most = Math.max(1, ...(strip?.values ?? []));
  const shownMarkers = placeMarkers(markers, first, last, ((last - first) * MARKER_PX) / Math.max(1, right - LEFT), (at) => formatMinute(at));
  const barWidth = Math.max(1.5, (right - LEFT) / Math.max(1, times.length) - 2);

  const seek = (event: PointerEvent) => {
    const rect = box.current?.getBoundingClientRect();
    if (rect === undefined) return;
    const wanted = event.clientX - rect.left;
    let nearest = 0;
    xs.forEach((each, index) => { if (Math.abs(each - wanted) < Math.abs((xs[nearest] ?? 0) - wanted)) nearest = index; });
    setCrosshair(times[nearest] ?? null);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (event.key === "Escape") setCrosshair(null);
    if (step === undefined) return;
    event.preventDefault();
    const at = crosshair === null ? times.length - 1 : times.indexOf(crosshair) + step;
    setCrosshair(times[Math.min(times.length - 1, Math.max(0, at))] ?? null);
  };
  const at = crosshair === null ? -1 : times.indexOf(crosshair);

  return (
    <div
      ref={box}
      role="img"
      aria-label={[label, ...shownMarkers.map((marker) => `${formatMinute(marker.at)} ${marker.text}`)].join("; ")}
      tabIndex={0}
      onPointerMove={seek}
      onPointerLeave={() => { setCrosshair(null); }}
      onBlur={() => { setCrosshair(null); }}
      onKeyDown={onKeyDown}
      className="relative w-full rounded-sm"
    >
      <svg aria-hidden width={width} height={height} className="block text-11">
        {ticks.map((tick) => (
          <g key={tick}>
            <line x1={LEFT} x2={right} y1={y(tick)} y2={y(tick)} className="stroke-border" />
            <text x={LEFT - 8} y={y(tick) + 4} textAnchor="end" className="fill-text-2">{format(tick)}</text>
          </g>
        ))}
        {timeTicks(first, last, new Date(last).getTimezoneOffset(), width < 420 ? 3 : 7).map((tick) => (
          <text key={tick} x={x(tick)} y={height - 5} textAnchor={x(tick) + TICK_PX > width ? "end" : "middle"} className="fill-text-2">{formatMinute(tick, last - first)}</text>
        ))}
        {shownMarkers.map((marker) => {
          const isLate = x(marker.at) + MARKER_PX > right;
          return (
            <g key={`${marker.at} ${marker.text}`}>
              <line x1={x(marker.at)} x2={x(marker.at)} y1={8} y2={base} className="stroke-text-3" strokeDasharray="2 3" />
              <text x={x(marker.at) + (isLate ? -6 : 6)} y={18} textAnchor={isLate ? "end" : "start"} className="fill-text-2">{marker.text}</text>
            </g>
          );
        })}
        {lines.map((line) => <Drawn key={line.name} line={line} xs={xs} y={y} base={base} />)}
        {hasEndLabels && labelPlaces(lines.map((line) => endOf(line, y)?.y ?? base)).map((place, index) => (
          <text key={lines[index]?.name} x={right + 8} y={place + 4} className={`font-medium ${lines[index]?.look === "area" ? "fill-accent" : "fill-text-2"}`}>
            {lines[index]?.name}
          </text>
        ))}
        {strip && (
          <g>
            <text x={LEFT - 8} y={height - AXIS - 12} textAnchor="end" className="fill-text-2">{`max ${most}`}</text>
            <text x={LEFT - 8} y={height - AXIS} textAnchor="end" className="fill-text-2">{strip.name}</text>
            <line x1={LEFT} x2={right} y1={height - AXIS} y2={height - AXIS} className="stroke-border-strong" />
            {strip.values.map((value, index) =>
              value === 0 ? null : (
                <rect
                  key={times[index]}
                  x={(xs[index] ?? 0) - barWidth / 2}
                  y={height - AXIS - Math.max(2, (value / most) * STRIP)}
                  width={barWidth}
                  height={Math.max(2, (value / most) * STRIP)}
                  rx={1}
                  className={strip.tone === "red" ? "fill-red-mark" : "fill-amber-mark"}
                />
              ),
            )}
          </g>
        )}
        {at >= 0 && <line x1={xs[at]} x2={xs[at]} y1={8} y2={height - AXIS} className="stroke-text-3" />}
      </svg>
    </div>
  );
}

interface DrawnProps {
  line: Line;
  xs: readonly number[];
  y: (value: number) => number;
  base: number;
}

/** The last known value of a line: its place among the values, and its height. */
function endOf({ values }: Line, y: (value: number) => number): { index: number; y: number } | null {
  const index = values.findLastIndex((value) => value !== null);
  const value = values[index] ?? null;
  return value === null ? null : { index, y: y(value) };
}

function Drawn({ line, xs, y, base }: DrawnProps) {
  const ys = line.values.map((value) => (value === null ? null : y(value)));
  const end = endOf(line, y);
  const isArea = line.look === "area";
  return (
    <g>
      {isArea && <path d={areaPath(xs, ys, base)} className="fill-accent opacity-12" />}
      <path
        d={linePath(xs, ys)}
        fill="none"
        strokeWidth={1.5}
        strokeDasharray={isArea ? undefined : "4 3"}
        className={isArea ? "stroke-accent" : "stroke-text-2"}
      />
      {end !== null && isArea && <circle cx={xs[end.index]} cy={end.y} r={3} strokeWidth={1.5} className="fill-surface stroke-accent" />}
    </g>
  );
}

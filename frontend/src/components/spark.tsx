import { areaPath, linePath } from "../lib/scale";

interface SparkProps {
  values: readonly (number | null)[];
  look: "line" | "bars";
  tone?: "accent" | "red" | "amber" | "neutral";
  width?: number;
  height?: number;
}

const FILL = { accent: "fill-accent", red: "fill-red-mark", amber: "fill-amber-mark", neutral: "fill-neutral-mark" } as const;

/** The shape of a series beside its number, which says it; so it is silent. */
export function Spark({ values, look, tone = "accent", width = 92, height = 26 }: SparkProps) {
  const most = Math.max(...values.map((value) => value ?? 0), look === "bars" ? 1 : 0.000_001);
  const step = width / Math.max(1, values.length - (look === "line" ? 1 : 0));
  const xs = values.map((_, index) => index * step);
  const ys = values.map((value) => (value === null ? null : height - 1 - (value / most) * (height - 4)));
  return (
    <svg aria-hidden width={width} height={height} className="shrink-0">
      {look === "line" ? (
        <>
          <path d={areaPath(xs, ys, height)} className="fill-accent opacity-12" />
          <path d={linePath(xs, ys)} fill="none" strokeWidth={1.25} className="stroke-accent" />
        </>
      ) : (
        <>
          <line x1={Math.max(0, xs[values.findIndex((value) => value !== null)] ?? 0)} x2={width} y1={height - 0.5} y2={height - 0.5} className="stroke-border-strong" />
          {ys.map((y, index) =>
            (values[index] ?? 0) === 0 || y === null ? null : (
              <rect key={index} x={xs[index]} y={y} width={Math.max(1.5, Math.min(6, step - 1))} height={height - y} className={FILL[tone]} />
            ),
          )}
        </>
      )}
    </svg>
  );
}

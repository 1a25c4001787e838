interface Part {
  readonly key: string;
  readonly calls: number;
  readonly fill: string;
}

interface CostMeterProps {
  /** How far the bound is used, 0 to 1. */
  share: number;
  /** What it was used for, in order; empty for one bar of one tone. */
  parts: readonly Part[];
  /** Where the month stands, 0 to 1. */
  today: number | null;
}

const WIDTH = 300;

/** How far a bound is used and, where it is one of the month, how far the month has come. The words beside it say so, so it is silent. */
export function CostMeter({ share, parts, today }: CostMeterProps) {
  const used = Math.min(1, share) * WIDTH;
  const total = Math.max(1, parts.reduce((sum, { calls }) => sum + calls, 0));
  const starts = parts.map((_, index) => (parts.slice(0, index).reduce((sum, { calls }) => sum + calls, 0) / total) * used);
  return (
    <svg aria-hidden preserveAspectRatio="none" viewBox={`0 0 ${WIDTH} 14`} className="mt-1 h-3.5 w-full">
      <rect y="3" width={WIDTH} height="8" className="fill-surface-3" />
      {parts.length === 0 && <rect y="3" width={used} height="8" className="fill-accent" />}
      {parts.map(({ key, calls, fill }, index) => <rect key={key} x={starts[index]} y="3" width={(calls / total) * used} height="8" className={fill} />)}
      {today !== null && <rect x={today * WIDTH - 0.75} width="1.5" height="14" className="fill-text" />}
    </svg>
  );
}

/** Axes of charts. Pure. */

/** A round top for a zero-based axis and the lines below it: 3 to 5 of them, the top one included. */
export function niceTicks(max: number): readonly number[] {
  if (!(max > 0)) return [0, 1];
  const rough = max / 3;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((each) => each >= rough) ?? rough;
  const ticks: number[] = [];
  for (let tick = 0; ; tick += step) {
    ticks.push(Number(tick.toPrecision(12)));
    if (tick >= max) return ticks;
  }
}

const MINUTE = 60_000;
const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880].map((minutes) => minutes * MINUTE);

/** 3 to 7 times between two, on whole steps of the viewer's clock. `zoneOffset` is minutes as Date.getTimezoneOffset. */
export function timeTicks(from: number, to: number, zoneOffset: number, most = 7): readonly number[] {
  const span = to - from;
  const step = STEPS.find((each) => span / each <= most) ?? 2880 * MINUTE;
  const shift = zoneOffset * MINUTE;
  const ticks: number[] = [];
  for (let at = Math.ceil((from - shift) / step) * step + shift; at <= to; at += step) ticks.push(at);
  return ticks;
}

const LABEL_PX = 13;

/** Where the labels of lines stand that end at these heights: there, moved up where two would overlap. */
export function labelPlaces(ends: readonly number[]): readonly number[] {
  const places = [...ends];
  const lowestFirst = ends.map((_, index) => index).sort((a, b) => (ends[b] ?? 0) - (ends[a] ?? 0));
  let free = Infinity;
  for (const index of lowestFirst) {
    places[index] = Math.min(ends[index] ?? 0, free);
    free = (places[index] ?? 0) - LABEL_PX;
  }
  return places;
}

/** Where values stand, as an SVG path; a null is a gap. */
export function linePath(xs: readonly number[], ys: readonly (number | null)[]): string {
  let path = "";
  let drawing = false;
  xs.forEach((x, index) => {
    const y = ys[index] ?? null;
    if (y === null) {
      drawing = false;
      return;
    }
    path += `${drawing ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`;
    drawing = true;
  });
  return path;
}

/** The same, closed down to `base`: one area a stretch without gaps. */
export function areaPath(xs: readonly number[], ys: readonly (number | null)[], base: number): string {
  let path = "";
  let start = -1;
  const close = (end: number) => {
    path += `L${(xs[end] ?? 0).toFixed(1)} ${base}L${(xs[start] ?? 0).toFixed(1)} ${base}Z`;
    start = -1;
  };
  ys.forEach((y, index) => {
    if (y === null) {
      if (start >= 0) close(index - 1);
      return;
    }
    path += `${start < 0 ? "M" : "L"}${(xs[index] ?? 0).toFixed(1)} ${y.toFixed(1)}`;
    if (start < 0) start = index;
  });
  if (start >= 0) close(ys.length - 1);
  return path;
}

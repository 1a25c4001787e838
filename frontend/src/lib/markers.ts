/** Instants marked on a chart. Pure. */

export interface Marker {
  readonly at: number;
  readonly text: string;
}

/** Those between two times, in order; what lies closer together than `gap` shares a line, each part with its own time. */
export function placeMarkers(markers: readonly Marker[], from: number, to: number, gap: number, say: (at: number) => string): readonly Marker[] {
  const placed: { at: number; last: number; parts: Marker[] }[] = [];
  for (const marker of markers.filter(({ at }) => at >= from && at <= to).sort((a, b) => a.at - b.at)) {
    const before = placed.at(-1);
    if (before === undefined || marker.at - before.last > gap) placed.push({ at: marker.at, last: marker.at, parts: [marker] });
    else {
      before.parts.push(marker);
      before.last = marker.at;
    }
  }
  return placed.map(({ at, parts }) => ({ at, text: wordsOf(parts, say) }));
}

const SAID = 2;

function wordsOf(parts: readonly Marker[], say: (at: number) => string): string {
  if (parts.length === 1) return parts[0]?.text ?? "";
  const said = parts.slice(0, SAID).map(({ at, text }) => `${text} ${say(at)}`).join(", ");
  return parts.length > SAID ? `${said} and ${parts.length - SAID} more` : said;
}

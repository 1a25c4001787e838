const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

/** 1,204 and, from a million on, 2.3 M. */
export function formatCount(value: number): string {
  return value < 1_000_000 ? whole.format(value) : `${(Math.floor(value / 100_000) / 10).toFixed(1)} M`;
}

/** "1 task", "2,318 tasks". */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}

/** Begin and end of an id, enough to tell tasks apart in a table: 0-019ab5c3…b3db57. */
export function shortId(id: string): string {
  return id.length <= 20 ? id : `${id.slice(0, 10)}…${id.slice(-6)}`;
}

/** 412 B, 63.1 kB. */
export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  return bytes < 1_000_000 ? `${(bytes / 1000).toFixed(1)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
}

/** How often in a minute: 312, 4.2, 0.03. */
export function formatRate(value: number): string {
  return value >= 10 ? formatCount(value) : String(Number(value.toPrecision(2)));
}

export function joinClasses(...names: (string | false | null | undefined)[]): string {
  return names.filter(Boolean).join(" ");
}

/** A share as percent without its sign: 0.02, 3.1, 41. */
export function formatPercent(share: number): string {
  const percent = share * 100;
  return percent < 1 ? String(Number(percent.toFixed(2))) : percent < 10 ? percent.toFixed(1) : String(Math.round(percent));
}

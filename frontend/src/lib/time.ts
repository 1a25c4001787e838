/** Times as people say them. Everything here is pure: `now` comes from the shared clock. */

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

function pair(whole: number, unit: string, rest: number, restUnit: string): string {
  return rest === 0 ? `${whole} ${unit}` : `${whole} ${unit} ${rest} ${restUnit}`;
}

/** 38 ms, 0.4 s, 12.4 s, 3 min 41 s, 4 h 2 min, 5 d 23 h. */
export function formatDuration(ms: number): string {
  const span = Math.max(0, ms);
  if (span < 100) return `${Math.round(span)} ms`;
  const tenths = Math.round(span / 100);
  if (tenths < 600) return `${(tenths / 10).toFixed(1)} s`;
  const seconds = Math.round(span / SECOND);
  if (seconds < 3600) return pair(Math.floor(seconds / 60), "min", seconds % 60, "s");
  const minutes = Math.round(span / MINUTE);
  if (minutes < 1440) return pair(Math.floor(minutes / 60), "h", minutes % 60, "min");
  const hours = Math.round(span / HOUR);
  return pair(Math.floor(hours / 24), "d", hours % 24, "h");
}

/** As formatDuration, for what was set: 30 s, 2.5 s, 10 min. */
export function formatSetting(ms: number): string {
  return formatDuration(ms).replace(".0 s", " s");
}

/** One unit, for "12 s ago" and "oldest 38 min": 12 s, 38 min, 5 h. */
export function formatSpan(ms: number): string {
  const span = Math.max(0, ms);
  if (span < MINUTE) return `${Math.floor(span / SECOND)} s`;
  if (span < HOUR) return `${Math.floor(span / MINUTE)} min`;
  if (span < DAY) return `${Math.floor(span / HOUR)} h`;
  return `${Math.floor(span / DAY)} d`;
}

/** How long something waits, in one unit from a minute on, as it grows while one looks: 0.4 s, 38 min, 5 h. */
export function formatWait(ms: number): string {
  return ms < MINUTE ? formatDuration(ms) : formatSpan(ms);
}

const dateFormat = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });
const clockFormat = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const exactFormat = new Intl.DateTimeFormat("en-GB", {
  day: "numeric",
  month: "short",
  year: "numeric",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  fractionalSecondDigits: 3,
  timeZoneName: "short",
});

/** now, 12 s ago, 3 min ago, in 14 s, in 3 h 39 min; from 24 h on the date. */
export function formatRelative(at: Date, now: number): string {
  const past = now - at.getTime();
  if (Math.abs(past) >= DAY) return dateFormat.format(at);
  if (past >= SECOND) return `${formatSpan(past)} ago`;
  if (past > -SECOND) return "now";
  return `in ${past > -MINUTE ? formatSpan(-past) : formatDuration(-past)}`;
}

/** 14:19:42 in the viewer's zone. */
export function formatClock(at: Date | number): string {
  return clockFormat.format(at);
}

const momentFormat = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit" });

/** 24 Nov 2026, 14:20:16 in the viewer's zone. */
export function formatMoment(at: Date): string {
  return momentFormat.format(at);
}

const momentZoneFormat = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit", timeZoneName: "short" });

/** 24 Nov 2026, 14:20:16 CET in the viewer's zone. */
export function formatMomentZone(at: Date): string {
  return momentZoneFormat.format(at);
}

/** 24 Nov 2026, 14:20:16.123 CET: the whole truth, for titles. */
export function formatExact(at: Date): string {
  return exactFormat.format(at);
}

const minuteFormat = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const dayFormat = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const weekdayFormat = new Intl.DateTimeFormat("en-GB", { weekday: "short", day: "numeric", month: "short" });

/** 14:20; the day where the span shown is longer than two of them. */
export function formatMinute(at: Date | number, span = 0): string {
  return span > 2 * DAY ? dayFormat.format(at) : minuteFormat.format(at);
}

/** When something comes, in the viewer's zone: 14:30 today, tomorrow 03:00, Mon 30 Nov, 14:00. */
export function formatComing(at: Date, now: number): string {
  const days = Math.round((startOfDay(at) - startOfDay(new Date(now))) / DAY);
  if (days === 0) return minuteFormat.format(at);
  if (days === 1) return `tomorrow ${minuteFormat.format(at)}`;
  return `${weekdayFormat.format(at)}, ${minuteFormat.format(at)}`;
}

/** When something was, in the viewer's zone: 14:02 today, 20 Nov. */
export function formatDay(at: Date, now: number): string {
  return startOfDay(at) === startOfDay(new Date(now)) ? `${minuteFormat.format(at)} today` : dayFormat.format(at);
}

function startOfDay(at: Date): number {
  return new Date(at.getFullYear(), at.getMonth(), at.getDate()).getTime();
}

const clockMsFormat = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3 });

const clockZoneFormat = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3, timeZoneName: "short" });

/** 14:19:42.137 CET in the viewer's zone; the day before it where that is not today's. */
export function formatClockZone(at: Date, now: number): string {
  const clock = clockZoneFormat.format(at);
  return startOfDay(at) === startOfDay(new Date(now)) ? clock : `${dayFormat.format(at)}, ${clock}`;
}

/** 14:19:42.137 in the viewer's zone. */
export function formatClockMs(at: Date): string {
  return clockMsFormat.format(at);
}

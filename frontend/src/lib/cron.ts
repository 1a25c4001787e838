import cronstrue from "cronstrue";
import { formatDuration } from "./time";

const WEEKDAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

function ordinal(day: number): string {
  const end = day % 100 >= 11 && day % 100 <= 13 ? "th" : (["th", "st", "nd", "rd"][day % 10] ?? "th");
  return `${day}${end}`;
}

function listed(words: readonly string[]): string {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words.at(-1) ?? ""}`;
}

/** The everyday ones as people say them; null for all others. */
function everydayWords(cron: string): string | null {
  const [minute = "", hours = "", day = "", month = "", weekday = "", more] = cron.trim().split(/\s+/);
  if (more !== undefined || month !== "*" || !/^\d{1,2}$/.test(minute) || !/^\d{1,2}(,\d{1,2})*$/.test(hours)) return null;
  const times = listed(hours.split(",").map((hour) => `${hour.padStart(2, "0")}:${minute.padStart(2, "0")}`));
  if (day === "*" && weekday === "*") return `Every day at ${times}`;
  if (day === "*" && weekday === "1-5") return `Weekdays at ${times}`;
  if (day === "*" && /^[0-7]$/.test(weekday)) return `Every ${WEEKDAYS[Number(weekday)] ?? ""} at ${times}`;
  if (weekday === "*" && /^\d{1,2}$/.test(day)) return `On the ${ordinal(Number(day))} at ${times}`;
  return null;
}

/** "Every 15 minutes", "Weekdays at 06:30", or the expression itself where it has no words. */
export function cronWords(cron: string): string {
  try {
    return everydayWords(cron) ?? cronstrue.toString(cron, { use24HourTimeFormat: true, verbose: false });
  } catch {
    return cron; // the server judges expressions; this only reads them out
  }
}

export function intervalWords(seconds: number): string {
  if (seconds === 1) return "Every second";
  if (seconds < 60) return `Every ${seconds} s`;
  return `Every ${formatDuration(seconds * 1000)}`.replace(/^Every 1 (min|h|d)$/, (_, unit: string) => `Every ${{ min: "minute", h: "hour", d: "day" }[unit] ?? unit}`);
}

interface Clock {
  readonly day: string;
  readonly time: string;
}

function clockIn(zone: string, at: Date): Clock {
  const parts = new Intl.DateTimeFormat("en-GB", { timeZone: zone, day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" }).formatToParts(at);
  const part = (type: string) => parts.find((each) => each.type === type)?.value ?? "";
  return { day: `${part("day")} ${part("month")} ${part("year")}`, time: `${part("hour")}:${part("minute")}` };
}

/**
 * Where clocks change, a daily time can be one that does not exist. Tells the first such day among `times`, or null.
 * Only expressions with one fixed hour and minute can be told.
 */
export function clockChange(cron: string, zone: string, times: readonly Date[]): string | null {
  const found = /^(\d{1,2}) (\d{1,2}) \S+ \S+ \S+$/.exec(cron.trim());
  if (found === null) return null;
  const wanted = `${(found[2] ?? "").padStart(2, "0")}:${(found[1] ?? "").padStart(2, "0")}`;
  for (const at of times) {
    const { day, time } = clockIn(zone, at);
    if (time !== wanted) return `Clocks change in ${zone}: on ${day} it runs at ${time} instead of ${wanted}.`;
  }
  return null;
}

import type { Cost } from "../../api/cost";
import { formatCount } from "../../lib/format";

/** What the month costs, in the unit of the plan in use. Pure. */

interface Fact {
  readonly name: string;
  readonly value: string;
  readonly isBad: boolean;
}

export interface CostWords {
  readonly title: string;
  readonly note: string;
  readonly figure: string;
  readonly unit: string;
  /** How far the bound is used, 0 to 1; null where there is none. */
  readonly share: number | null;
  /** The bar is divided by what caused the calls. */
  readonly isDivided: boolean;
  /** Where the month stands, 0 to 1; null where the bound is not one of the month. */
  readonly today: number | null;
  readonly sentence: string;
  readonly isOver: boolean;
  readonly facts: readonly Fact[];
}

const monthFormat = new Intl.DateTimeFormat("en-GB", { month: "long", timeZone: "UTC" });
const dayFormat = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });
const DAY_MS = 86_400_000;

/** $0.71, $36.40, $10, $1,040. */
function formatDollars(usd: number): string {
  return Number.isInteger(usd) || usd >= 1000 ? `$${formatCount(Math.round(usd))}` : `$${usd.toFixed(2)}`;
}

/** 84 kB, 1.9 MB, 212 MB, 1 GB, 2.5 GB. */
export function formatMemory(bytes: number): string {
  const [value, unit] = bytes < 1e6 ? [bytes / 1e3, "kB"] : bytes < 1e9 ? [bytes / 1e6, "MB"] : [bytes / 1e9, "GB"];
  return `${Number(value.toFixed(value < 10 ? 1 : 0))} ${unit}`;
}

/** Begin and end of the month that a time lies in, as Upstash bills it. */
function monthOf(now: Date): { begin: number; end: number } {
  const [year, month] = [now.getUTCFullYear(), now.getUTCMonth()];
  return { begin: Date.UTC(year, month, 1), end: Date.UTC(year, month + 1, 1) };
}

/** Commands a second: as the server tells, else today's mean. */
function perSecond({ store, days, now }: Cost): { calls: number; isMean: boolean } {
  if (store?.calls_per_second != null) return { calls: store.calls_per_second, isMean: false };
  const day = days.find((each) => now.startsWith(each.day));
  return { calls: Math.round(((day?.total ?? 0) * 1000) / Math.max(1000, Date.parse(now) % DAY_MS)), isMean: true };
}

function planPrice(cost: Cost, kind: "Free" | "Pay as you go"): number | null {
  return cost.plans.find(({ name }) => name === kind)?.monthly_usd ?? null;
}

/** The cheapest plan, when it is cheaper than the one in use. */
function cheaperThan(usd: number, cost: Cost): { words: string; usd: number } | null {
  const plan = cost.plans.find(({ name }) => name === cost.cheapest);
  if (plan?.monthly_usd == null || plan.monthly_usd >= usd) return null;
  const words = plan.name.startsWith("Fixed") ? `A fixed plan of ${formatDollars(plan.monthly_usd)}` : plan.monthly_usd === 0 ? "The free plan" : `Pay as you go, about ${formatDollars(plan.monthly_usd)},`;
  return { words, usd: plan.monthly_usd };
}

function free(cost: Cost): CostWords {
  const { plan, month_to_date: spent, forecast } = cost;
  const most = plan.calls ?? 1;
  const ends = plan.ends_on ?? null;
  const price = planPrice(cost, "Pay as you go");
  const carried = price === null ? "" : ` Pay as you go would cost ${formatDollars(price)}.`;
  const over = ends === null ? "" : spent >= most ? "The free commands of this month are spent." : `On pace for ${formatCount(forecast)}: the free plan ends about ${dayFormat.format(Date.parse(ends))}.`;
  return {
    ...inMonth(cost, "free plan"),
    figure: formatCount(spent),
    unit: `of ${formatCount(most)} free commands`,
    share: spent / most,
    sentence: ends === null ? `On pace for ${formatCount(forecast)} this month, which the free plan carries.` : over + carried,
    isOver: ends !== null,
  };
}

function usage(cost: Cost): CostWords {
  const { plan, month_to_date: calls } = cost;
  const [spent, forecast, budget] = [plan.spent_usd ?? 0, plan.monthly_usd ?? 0, plan.budget_usd ?? null];
  const end = dayFormat.format(monthOf(new Date(cost.now)).end - DAY_MS);
  const cheaper = cheaperThan(forecast, cost);
  const runsOut = plan.ends_on == null ? "" : ` The budget ends about ${dayFormat.format(Date.parse(plan.ends_on))}.`;
  return {
    ...inMonth(cost, "pay as you go"),
    figure: formatDollars(spent),
    unit: budget === null ? "so far this month" : `of your ${formatDollars(budget)} budget`,
    share: spent / Math.max(0.01, budget ?? forecast),
    sentence: `${formatCount(calls)} commands. On pace for ${formatDollars(forecast)} by ${end}.${runsOut}${cheaper === null ? "" : ` ${cheaper.words} would carry this load.`}`,
    isOver: plan.ends_on != null,
  };
}

function inMonth({ now, plan }: Cost, name: string) {
  const at = new Date(now);
  const { begin, end } = monthOf(at);
  const today = (at.getTime() - begin) / (end - begin);
  return { title: "Upstash", note: `${name}${plan.is_assumed ? ", assumed" : `, ${monthFormat.format(at)}`}`, isDivided: true, today, facts: [] };
}

function fixed(cost: Cost): CostWords {
  const { plan, store } = cost;
  const { calls, isMean } = perSecond(cost);
  const most = plan.calls_per_second ?? 1;
  const held = plan.memory_bytes ?? 1;
  const used = store?.memory_bytes ?? null;
  const byUse = planPrice(cost, "Pay as you go");
  const cheaper = cheaperThan(plan.monthly_usd ?? 0, cost);
  const memory = used === null ? `It holds ${formatMemory(held)}.` : `${formatMemory(used)} of ${formatMemory(held)} used.`;
  const other = cheaper === null ? (byUse === null ? "" : ` Billed by use, this load would cost about ${formatDollars(byUse)}.`) : ` ${cheaper.words} would carry this load.`;
  return {
    title: "Upstash",
    note: `fixed plan, ${formatMemory(held)}`,
    figure: formatCount(calls),
    unit: `of ${formatCount(most)} commands a second${isMean ? ", today’s mean" : ""}`,
    share: calls / most,
    isDivided: false,
    today: null,
    sentence: `${memory} Flat ${formatDollars(plan.monthly_usd ?? 0)} a month.${other}`,
    isOver: used !== null && used > 0.9 * held,
    facts: [],
  };
}

function own(cost: Cost): CostWords {
  const { store, plan } = cost;
  const { calls, isMean } = perSecond(cost);
  const memory = store?.memory_bytes ?? null;
  const most = store?.max_memory_bytes ?? null;
  const eviction = store?.eviction ?? null;
  const appended = store?.is_appended ?? null;
  const bound = most === null ? "" : most === 0 ? ", no limit" : ` of ${formatMemory(most)}`;
  return {
    title: "Redis",
    note: plan.place,
    figure: formatCount(calls),
    unit: `commands a second${isMean ? ", today’s mean" : ""}${store?.name == null ? "" : `, own ${store.name}`}`,
    share: memory === null || most === null || most === 0 ? null : memory / most,
    isDivided: false,
    today: null,
    sentence: "No price per command. The limits that matter are below.",
    isOver: false,
    facts: [
      { name: "Memory", value: memory === null ? "not told" : formatMemory(memory) + bound, isBad: memory !== null && most !== null && most > 0 && memory > 0.9 * most },
      { name: "Eviction", value: eviction ?? "not told", isBad: eviction !== null && eviction !== "noeviction" },
      { name: "Append-only file", value: appended === null ? "not told" : appended ? "written" : "off", isBad: appended === false },
    ],
  };
}

const BY_KIND: Readonly<Record<Cost["plan"]["kind"], (cost: Cost) => CostWords>> = { free, usage, fixed, own };

export function costWords(cost: Cost): CostWords {
  return BY_KIND[cost.plan.kind](cost);
}

/** 26,300 tasks, 15.7 commands each; where they are billed, also what 1,000 tasks cost. */
export function perTask({ tasks_of_month: tasks, month_to_date: calls, plan }: Cost): string {
  if (tasks === 0) return "No completed task is counted yet this month.";
  const each = calls / tasks;
  const price = plan.kind === "usage" && plan.spent_usd != null ? `, $${((plan.spent_usd / tasks) * 1000).toFixed(3)} per 1,000 tasks` : "";
  return `${formatCount(tasks)} ${tasks === 1 ? "task" : "tasks"}, ${each < 100 ? each.toFixed(1) : formatCount(each)} commands each${price}.`;
}

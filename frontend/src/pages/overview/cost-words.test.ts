import { describe, expect, it } from "vitest";
import type { Cost } from "../../api/cost";
import { costWords, formatMemory, perTask } from "./cost-words";

const PLANS = [
  { name: "Fixed 250 MB", monthly_usd: 10, note: "" },
  { name: "Pay as you go", monthly_usd: 36.4, note: "" },
  { name: "Free", monthly_usd: null, note: "" },
];

function costOf(over: Partial<Cost>, plan: Partial<Cost["plan"]>): Cost {
  return {
    now: "2026-11-24T12:00:00.000Z",
    days: [{ day: "2026-11-24", submit: 100, work: 200, idle: 20, viewers: 40, total: 43_200 }],
    month_to_date: 412_480,
    tasks_of_month: 26_300,
    forecast: 515_600,
    plan: { kind: "own", name: "Own server", is_assumed: false, place: "vps-1:6379", monthly_usd: 0, spent_usd: null, budget_usd: null, calls: null, ends_on: null, calls_per_second: null, memory_bytes: null, ...plan },
    store: null,
    plans: PLANS,
    cheapest: "Fixed 250 MB",
    budget: { calls: null, spent: 0, level: "ok" },
    ...over,
  };
}

describe("costWords", () => {
  it("free: commands of the quota, today's mark, and the day it runs out", () => {
    const words = costWords(costOf({}, { kind: "free", calls: 500_000, ends_on: "2026-11-30" }));
    expect([words.note, words.figure, words.unit]).toEqual(["free plan, November", "412,480", "of 500,000 free commands"]);
    expect(words.sentence).toBe("On pace for 515,600: the free plan ends about 30 Nov. Pay as you go would cost $36.40.");
    expect([words.isOver, words.share, words.today]).toEqual([true, 412_480 / 500_000, 23.5 / 30]);
  });

  it("free: content while the commands last, and open about a guess", () => {
    const words = costWords(costOf({ forecast: 430_000 }, { kind: "free", calls: 500_000, is_assumed: true }));
    expect([words.note, words.isOver, words.sentence]).toEqual(["free plan, assumed", false, "On pace for 430,000 this month, which the free plan carries."]);
  });

  it("billed by use: money of the budget, and the cheaper plan", () => {
    const usage = { kind: "usage", monthly_usd: 36.4, spent_usd: 29.12, budget_usd: 50 } as const;
    const words = costWords(costOf({ month_to_date: 14_600_000 }, usage));
    expect([words.figure, words.unit, words.share]).toEqual(["$29.12", "of your $50 budget", 29.12 / 50]);
    expect(words.sentence).toBe("14.6 M commands. On pace for $36.40 by 30 Nov. A fixed plan of $10 would carry this load.");
    const cheap = costWords(costOf({ cheapest: "Pay as you go" }, { ...usage, budget_usd: null }));
    expect([cheap.unit, cheap.sentence.includes("would carry")]).toEqual(["so far this month", false]);
  });

  it("fixed: commands a second and memory of the plan", () => {
    const plan = { kind: "fixed", monthly_usd: 10, calls_per_second: 10_000, memory_bytes: 250e6 } as const;
    const store = { name: "Upstash 1", calls_per_second: 201, memory_bytes: 38e6, max_memory_bytes: null, eviction: null, is_appended: null };
    const words = costWords(costOf({ store }, plan));
    expect([words.note, words.figure, words.unit]).toEqual(["fixed plan, 250 MB", "201", "of 10,000 commands a second"]);
    expect(words.sentence).toBe("38 MB of 250 MB used. Flat $10 a month. Billed by use, this load would cost about $36.40.");
    expect([words.isDivided, words.today]).toEqual([false, null]);
    const silent = costWords(costOf({ plans: [{ name: "Free", monthly_usd: 0, note: "" }], cheapest: "Free" }, plan));
    expect([silent.figure, silent.unit]).toEqual(["1", "of 10,000 commands a second, today’s mean"]);
    expect(silent.sentence).toContain("The free plan would carry this load.");
  });

  it("own server: memory, eviction, persistence; what loses tasks stands out", () => {
    const store = { name: "Valkey 9.1", calls_per_second: 318, memory_bytes: 212e6, max_memory_bytes: 1e9, eviction: "allkeys-lru", is_appended: false };
    const words = costWords(costOf({ store }, {}));
    expect([words.title, words.note, words.figure, words.unit, words.share]).toEqual(["Redis", "vps-1:6379", "318", "commands a second, own Valkey 9.1", 0.212]);
    expect(words.facts.map(({ value, isBad }) => [value, isBad])).toEqual([["212 MB of 1 GB", false], ["allkeys-lru", true], ["off", true]]);
    expect(costWords(costOf({ store: { ...store, max_memory_bytes: 0 } }, {})).share).toBeNull();
  });
});

describe("perTask", () => {
  it("divides the month's commands by its tasks, and prices 1,000 of them where they are billed", () => {
    expect(perTask(costOf({}, {}))).toBe("26,300 tasks, 15.7 commands each.");
    expect(perTask(costOf({ month_to_date: 14_500_000, tasks_of_month: 1_450_000 }, { kind: "usage", spent_usd: 29.12 }))).toBe("1.4 M tasks, 10.0 commands each, $0.020 per 1,000 tasks.");
    expect(perTask(costOf({ tasks_of_month: 0 }, {}))).toBe("No completed task is counted yet this month.");
  });
});

describe("formatMemory", () => {
  it.each([[84_000, "84 kB"], [1_940_000, "1.9 MB"], [212e6, "212 MB"], [1e9, "1 GB"], [2.52e9, "2.5 GB"]])("%d is %s", (bytes, words) => { expect(formatMemory(bytes)).toBe(words); });
});

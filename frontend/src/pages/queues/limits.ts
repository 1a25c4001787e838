import type { Limit } from "../../api/overview";
import { formatCount, plural } from "../../lib/format";
import { formatDuration } from "../../lib/time";

/** What is typed into the fields of a limit; an empty field is no bound. */
export interface LimitDraft {
  readonly concurrency: string;
  readonly starts: string;
  readonly seconds: string;
}

export type LimitProblems = Partial<Record<keyof LimitDraft, string>>;

export function draftOf(limit: Limit | null): LimitDraft {
  const { concurrency = null, rate = null } = limit ?? {};
  return { concurrency: concurrency === null ? "" : String(concurrency), starts: rate === null ? "" : String(rate.limit), seconds: rate === null ? "1" : String(rate.periodSeconds) };
}

function isWhole(text: string): boolean {
  return /^[1-9]\d*$/.test(text.trim());
}

/** The limit that a draft stands for, null for none; or what is wrong with it. */
export function readDraft({ concurrency, starts, seconds }: LimitDraft): { limit: Limit | null } | { problems: LimitProblems } {
  const problems: LimitProblems = {
    ...(concurrency.trim() === "" || isWhole(concurrency) ? {} : { concurrency: "A whole number from 1 on, or empty for no bound." }),
    ...(starts.trim() === "" || isWhole(starts) ? {} : { starts: "A whole number from 1 on, or empty for no bound." }),
    ...(starts.trim() === "" || Number(seconds) > 0 ? {} : { seconds: "A number of seconds above 0." }),
  };
  if (Object.keys(problems).length > 0) return { problems };
  const rate = starts.trim() === "" ? null : { limit: Number(starts), periodSeconds: Number(seconds) };
  const most = concurrency.trim() === "" ? null : Number(concurrency);
  return { limit: rate === null && most === null ? null : { concurrency: most, rate } };
}

/** "10 at once, 5 a second" */
export function limitWords(limit: Limit | null): string {
  const { concurrency = null, rate = null } = limit ?? {};
  const words = [concurrency === null ? "" : `${formatCount(concurrency)} at once`, rate === null ? "" : rateWords(rate)].filter(Boolean);
  return words.length === 0 ? "none" : words.join(", ");
}

function rateWords({ limit, periodSeconds }: NonNullable<Limit["rate"]>): string {
  return periodSeconds === 1 ? `${formatCount(limit)} a second` : `${plural(limit, "start")} in ${formatDuration(periodSeconds * 1000)}`;
}

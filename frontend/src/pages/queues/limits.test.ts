import { describe, expect, it } from "vitest";
import { draftOf, limitWords, readDraft } from "./limits";

describe("limits", () => {
  it.each([
    [null, "none"],
    [{ concurrency: 10, rate: null }, "10 at once"],
    [{ concurrency: null, rate: { limit: 5, periodSeconds: 1 } }, "5 a second"],
    [{ concurrency: 1, rate: { limit: 100, periodSeconds: 60 } }, "1 at once, 100 starts in 1 min"],
  ])("%j is told as %s, and comes back from its draft", (limit, words) => {
    expect(limitWords(limit)).toBe(words);
    expect(readDraft(draftOf(limit))).toEqual({ limit });
  });

  it("names each field that is wrong", () => {
    const whole = "A whole number from 1 on, or empty for no bound.";
    expect(readDraft({ concurrency: "0", starts: "1.5", seconds: "-1" })).toEqual({
      problems: { concurrency: whole, starts: whole, seconds: "A number of seconds above 0." },
    });
    expect(readDraft({ concurrency: "", starts: "", seconds: "nonsense" })).toEqual({ limit: null });
  });
});

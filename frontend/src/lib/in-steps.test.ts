import { describe, expect, it } from "vitest";
import { inSteps } from "./in-steps";

const IDS = Array.from({ length: 30 }, (_, index) => String(index));

describe("inSteps", () => {
  it("runs each once, a few at a time, and tells what became of them", async () => {
    let running = 0;
    let most = 0;
    const seen: string[] = [];
    const progress: number[] = [];
    const tally = await inSteps({
      ids: IDS,
      atOnce: 3,
      run: async (id) => {
        most = Math.max(most, ++running);
        seen.push(id);
        await Promise.resolve();
        running--;
        if (id === "7") throw new Error("gone");
        if (id === "9") throw new Error("away");
      },
      isSkip: (error) => (error as Error).message === "gone",
      onProgress: (finished) => progress.push(finished),
      isStopped: () => false,
    });
    expect(seen.sort()).toEqual([...IDS].sort());
    expect(most).toBe(3);
    expect(tally).toMatchObject({ done: 28, skipped: 1, failed: ["9"] });
    expect(progress.at(-1)).toBe(30);
  });

  it("starts nothing more once it is stopped", async () => {
    let started = 0;
    const tally = await inSteps({
      ids: IDS,
      atOnce: 1,
      run: () => Promise.resolve(started++),
      isSkip: () => false,
      onProgress: () => undefined,
      isStopped: () => started >= 5,
    });
    expect(tally.done).toBe(5);
  });
});

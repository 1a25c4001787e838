/** Runs one call an item, a few at a time, and counts how each ended. */

export interface Tally {
  readonly done: number;
  readonly skipped: number;
  /** Items whose call failed, in order. */
  readonly failed: readonly string[];
  /** What the first failure said. */
  readonly firstError: unknown;
}

interface Steps {
  readonly ids: readonly string[];
  readonly run: (id: string) => Promise<unknown>;
  /** An error that only says that there was nothing to do. */
  readonly isSkip: (error: unknown) => boolean;
  readonly onProgress: (finished: number) => void;
  readonly isStopped: () => boolean;
  readonly atOnce?: number;
}

export async function inSteps({ ids, run, isSkip, onProgress, isStopped, atOnce = 4 }: Steps): Promise<Tally> {
  let next = 0;
  let finished = 0;
  let done = 0;
  let skipped = 0;
  const failed: string[] = [];
  let firstError: unknown = null;
  const work = async () => {
    for (;;) {
      const id = ids[next++];
      if (id === undefined || isStopped()) return;
      try {
        await run(id);
        done++;
      } catch (error) {
        if (isSkip(error)) skipped++;
        else {
          failed.push(id);
          firstError ??= error;
        }
      }
      onProgress(++finished);
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, ids.length) }, work));
  return { done, skipped, failed, firstError };
}

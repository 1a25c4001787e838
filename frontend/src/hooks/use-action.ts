import type { QueryKey } from "@tanstack/react-query";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { ApiProblem, describeProblem } from "../api/problem";
import { toasts } from "../lib/toasts";

export interface ActionOptions<Input, Output> {
  readonly run: (input: Input) => Promise<Output>;
  /** Changes what is shown before the server has answered; taken back when it refuses. */
  readonly optimistic?: { readonly key: QueryKey; readonly change: (old: never, input: Input) => unknown };
  /** Read again afterwards. */
  readonly refresh?: readonly QueryKey[];
  /** Said when it is done; nothing when left out. */
  readonly done?: (output: Output, input: Input) => string | null;
  /** "Queue emails could not be paused": goes before the server's sentence. */
  readonly failed: (input: Input) => string;
}

export function showProblem(what: string, error: unknown): void {
  const details = error instanceof ApiProblem ? error.details : undefined;
  const fix = error instanceof ApiProblem && error.fix !== null && !error.detail.includes(error.fix) ? ` ${error.fix}` : "";
  toasts.show({ tone: "red", text: `${what}. ${describeProblem(error)}${fix}`, details, seconds: 12 });
}

/** An action on the server: at once on screen where it can be, and with the server's own sentence where it fails. */
export function useAction<Input, Output>(options: ActionOptions<Input, Output>) {
  const client = useQueryClient();
  return useMutation<Output, Error, Input, { before: unknown }>({
    mutationFn: options.run,
    onMutate: async (input) => {
      if (options.optimistic === undefined) return { before: undefined };
      const { key, change } = options.optimistic;
      await client.cancelQueries({ queryKey: key });
      const before: unknown = client.getQueryData(key);
      if (before !== undefined) client.setQueryData(key, change(before as never, input));
      return { before };
    },
    onSuccess: (output, input) => {
      const text = options.done?.(output, input) ?? null;
      if (text !== null) toasts.show({ tone: "green", text });
    },
    onError: (error, input, context) => {
      if (options.optimistic !== undefined && context?.before !== undefined)
        client.setQueryData(options.optimistic.key, context.before);
      showProblem(options.failed(input), error);
    },
    onSettled: () => Promise.all((options.refresh ?? []).map((queryKey) => client.invalidateQueries({ queryKey }))),
  });
}

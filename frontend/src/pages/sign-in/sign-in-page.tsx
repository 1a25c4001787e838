import { useMutation, useQueryClient } from "@tanstack/react-query";
import { CircleX } from "lucide-react";
import type { SyntheticEvent } from "react";
import { useEffect, useRef, useState } from "react";
import { ApiProblem, describeProblem } from "../../api/problem";
import { signIn } from "../../api/session";
import { Button } from "../../components/button";
import { joinClasses } from "../../lib/format";
import { Logo } from "../shell/sidebar";

const UNKNOWN_KEY = "This key is not known. Check that you copied all of it.";
const EMPTY = "Paste a key to sign in.";

function explain(error: unknown): string {
  if (error instanceof ApiProblem && (error.status === 401 || error.status === 422)) return UNKNOWN_KEY;
  if (error instanceof ApiProblem && error.status === 403)
    return "This key may only submit tasks. Use one with the role admin or read.";
  return describeProblem(error);
}

interface SignInPageProps {
  refused: boolean;
  /** Why a viewer who was in is asked again; null for one who comes. */
  over: string | null;
}

export function SignInPage({ refused, over }: SignInPageProps) {
  const input = useRef<HTMLInputElement>(null);
  const client = useQueryClient();
  const [empty, setEmpty] = useState(false);
  const attempt = useMutation({
    mutationFn: signIn,
    onSuccess: () => { client.clear(); },
    onError: () => input.current?.focus(),
  });
  useEffect(() => {
    document.title = "Sign in · dtq";
    input.current?.focus();
  }, []);

  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    const key = input.current?.value.trim() ?? "";
    setEmpty(key === "");
    if (key === "") input.current?.focus();
    else attempt.mutate(key);
  };
  const problem = empty ? EMPTY : attempt.isError ? explain(attempt.error) : refused && attempt.isIdle ? UNKNOWN_KEY : null;

  return (
    <main className="flex min-h-dvh items-center justify-center p-4">
      <div className="w-full max-w-96">
        <div className="mb-5 flex items-center gap-3">
          <Logo large />
          <div>
            <p className="text-15 leading-5 font-semibold">dtq</p>
            <p className="text-text-2">{window.location.host}</p>
          </div>
        </div>
        <form noValidate onSubmit={submit} className="rounded-lg border border-border bg-surface p-6 shadow-1">
          <h1 className="text-20 font-semibold">Sign in with an API key</h1>
          <p className="mt-1 text-text-2">The key is exchanged for a secure cookie of this browser. Its role decides what you may do here.</p>
          {over !== null && <p role="status" className="mt-4 rounded-md bg-amber-bg px-3 py-2 text-amber-fg">{over}</p>}
          <label htmlFor="key" className="mt-5 mb-1.5 block font-medium">
            API key
          </label>
          <input
            ref={input}
            id="key"
            type="password"
            autoComplete="current-password"
            spellCheck={false}
            aria-invalid={problem !== null}
            aria-describedby={problem === null ? undefined : "key-problem"}
            className={joinClasses(
              "h-10 w-full rounded-md border bg-bg px-3",
              problem === null ? "border-border-control" : "border-red-mark",
            )}
          />
          {problem !== null && (
            <p id="key-problem" role="alert" className="mt-2 flex gap-2 text-12 text-red-fg">
              <CircleX size={14} aria-hidden className="mt-px shrink-0" />
              {problem}
            </p>
          )}
          <Button type="submit" kind="primary" className="mt-4 w-full md:h-10" aria-disabled={attempt.isPending}>
            {attempt.isPending ? "Signing in" : "Sign in"}
          </Button>
          <p className="mt-5 text-12 text-text-2">
            No key yet? Set <code>API_KEYS</code> where the API runs, and use a key with the role <code>admin</code> or{" "}
            <code>read</code>. <a href="/docs" className="font-medium text-accent hover:underline">How keys work</a>
          </p>
        </form>
      </div>
    </main>
  );
}

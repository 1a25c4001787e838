import { queryOptions } from "@tanstack/react-query";
import { forgetAnswers, readIfOffered, tryKey, write, writeUnsigned } from "./client";
import { keyStore } from "./key";
import type { Role } from "./overview";
import { ApiProblem, isNotOffered } from "./problem";

interface Session {
  readonly name: string;
  readonly role: Role;
  readonly endsAt: Date | null;
}

interface WireSession {
  name: string;
  role: Role;
  expires_at: string | null;
}

/** Who looks; null where the server does not say. */
export function sessionOptions() {
  return queryOptions({
    queryKey: ["session"],
    queryFn: ({ signal }) =>
      readIfOffered("/session", {
        convert: ({ name, role, expires_at }: WireSession): Session => {
          const endsAt = expires_at === null ? null : new Date(expires_at);
          keyStore.keepSession(endsAt);
          return { name, role, endsAt };
        },
        signal,
      }),
    staleTime: Infinity,
  });
}

/** Exchanges a key for a session; where the server has none, the key itself is kept in this tab. */
export async function signIn(key: string): Promise<void> {
  let kept: string | null = null;
  try {
    await writeUnsigned("/session", { key });
    await tryKey(key); // a key that may only submit has a session and sees nothing here
  } catch (error) {
    const isNeeded = error instanceof ApiProblem && error.status === 409;
    if (isNotOffered(error)) {
      await tryKey(key);
      kept = key;
    } else if (!isNeeded) throw error;
  }
  forgetAnswers();
  keyStore.accept(kept);
}

export async function signOut(): Promise<void> {
  try {
    await write("DELETE", "/session");
  } catch (error) {
    if (!isNotOffered(error)) throw error;
  }
  forgetAnswers();
  keyStore.signOut();
}

import type { ReactNode } from "react";
import { useSyncExternalStore } from "react";
import { keyStore } from "../../api/key";
import { formatDuration } from "../../lib/time";
import { SignInPage } from "./sign-in-page";

function wordsOf(sessionMs: number | null): string {
  return `You were signed out${sessionMs === null ? "" : ` after ${formatDuration(sessionMs)}`}. Sign in to continue; your filters are kept.`;
}

/** Shows the page that was asked for, or the sign-in in its place: the address stays, so signing in returns to it. */
export function SignInGate({ children }: { children: ReactNode }) {
  const { signIn, sessionMs } = useSyncExternalStore(keyStore.subscribe, keyStore.getSnapshot);
  return signIn === "not-asked" ? <>{children}</> : <SignInPage refused={signIn === "refused"} over={signIn === "over" ? wordsOf(sessionMs) : null} />;
}

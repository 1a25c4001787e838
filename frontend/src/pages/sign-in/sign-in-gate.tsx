import type { ReactNode } from "react";
import { useSyncExternalStore } from "react";
import { keyStore } from "../../api/key";
import { SignInPage } from "./sign-in-page";

/** Shows the page that was asked for, or the sign-in in its place: the address stays, so signing in returns to it. */
export function SignInGate({ children }: { children: ReactNode }) {
  const { signIn } = useSyncExternalStore(keyStore.subscribe, keyStore.getSnapshot);
  return signIn === "not-asked" ? <>{children}</> : <SignInPage refused={signIn === "refused"} />;
}

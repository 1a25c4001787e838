import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useSyncExternalStore } from "react";
import { keyStore } from "../../api/key";
import type { Role } from "../../api/overview";
import { overviewOptions } from "../../api/overview";
import { sessionOptions, signOut } from "../../api/session";
import { showProblem } from "../../hooks/use-action";

interface Identity {
  readonly name: string | null;
  readonly role: Role | null;
  readonly mayAct: boolean;
  /** Null where nobody signed in. */
  readonly signOut: (() => void) | null;
}

/** Who looks, and what the key may do. */
export function useIdentity(): Identity {
  const client = useQueryClient();
  const { key } = useSyncExternalStore(keyStore.subscribe, keyStore.getSnapshot);
  const { data: session } = useQuery(sessionOptions());
  const { data: overview } = useQuery({ ...overviewOptions(), enabled: false });
  const role = session?.role ?? overview?.role ?? null;
  const isSignedIn = key !== null || (session?.endsAt ?? null) !== null;
  const leave = () => {
    signOut().then(
      () => { client.clear(); },
      (error: unknown) => { showProblem("You could not be signed out", error); },
    );
  };
  return { name: session?.name ?? null, role, mayAct: role === "admin", signOut: isSignedIn ? leave : null };
}

import { useQuery } from "@tanstack/react-query";
import { useSyncExternalStore } from "react";
import { keyStore } from "../../api/key";
import type { Role } from "../../api/overview";
import { overviewOptions } from "../../api/overview";

interface Identity {
  readonly name: string | null;
  readonly role: Role | null;
  readonly mayAct: boolean;
  /** Null where nobody signed in. */
  readonly signOut: (() => void) | null;
}

/** Who looks, and what the key may do. */
export function useIdentity(): Identity {
  const { key } = useSyncExternalStore(keyStore.subscribe, keyStore.getSnapshot);
  const { data: overview } = useQuery({ ...overviewOptions(), enabled: false });
  const role = overview?.role ?? null;
  return { name: null, role, mayAct: role === "admin", signOut: key === null ? null : () => { keyStore.signOut(); } };
}

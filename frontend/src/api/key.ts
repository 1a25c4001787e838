/**
 * Whether this tab is signed in. The server keeps a session in a cookie that scripts cannot read; only where it offers
 * none, the API key itself stays in memory and in sessionStorage. It never enters a URL.
 */
const STORED_AS = "dtq-key";

type SignIn = "not-asked" | "asked" | "refused" | "over";

interface KeyState {
  readonly key: string | null;
  /** Whether the server asked for a key, or refused the one it got. */
  readonly signIn: SignIn;
  /** How long the session lasts that began in this tab; null where that is not known. */
  readonly sessionMs: number | null;
}

type Listener = () => void;

function readStored(): string | null {
  try {
    return sessionStorage.getItem(STORED_AS);
  } catch {
    return null; // storage is closed to this page: the key lives in memory only
  }
}

function writeStored(key: string | null): void {
  try {
    if (key === null) sessionStorage.removeItem(STORED_AS);
    else sessionStorage.setItem(STORED_AS, key);
  } catch {
    // see readStored
  }
}

class KeyStore {
  private state: KeyState = { key: readStored(), signIn: "not-asked", sessionMs: null };
  private hasSession = false;
  private signedInAt: number | null = null;
  private readonly listeners = new Set<Listener>();

  readonly getSnapshot = (): KeyState => this.state;

  readonly subscribe = (listener: Listener): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** Null: the cookie holds the session. */
  accept(key: string | null): void {
    writeStored(key);
    this.signedInAt = Date.now();
    this.set({ key, signIn: "not-asked", sessionMs: null });
  }

  /** The server told of a session: when that is over, the viewer has not just come. */
  keepSession(endsAt: Date | null): void {
    this.hasSession = endsAt !== null;
    const minutes = endsAt === null || this.signedInAt === null ? null : Math.round((endsAt.getTime() - this.signedInAt) / 60_000);
    this.state = { ...this.state, sessionMs: minutes === null ? null : minutes * 60_000 };
  }

  /** The server answered 401 to a request that carried `sentKey`. */
  refuse(sentKey: string | null): void {
    if (sentKey !== this.state.key) return; // a slow answer to an earlier key
    writeStored(null);
    const isOver = sentKey === null && this.hasSession;
    this.hasSession = false;
    this.set({ ...this.state, key: null, signIn: isOver ? "over" : sentKey === null ? "asked" : "refused" });
  }

  signOut(): void {
    writeStored(null);
    this.hasSession = false;
    this.set({ key: null, signIn: "asked", sessionMs: null });
  }

  private set(state: KeyState): void {
    this.state = state;
    for (const listener of this.listeners) listener();
  }
}

export const keyStore = new KeyStore();

/** The open stream of events, with what is to be said of it. It ends by itself and comes back; two failures end it. */

interface StreamOptions {
  readonly url: string;
  /** Something changed, or may have. */
  readonly onChange: () => void;
  readonly onState: (state: "open" | "failed") => void;
  readonly open?: (url: string) => EventSource;
}

const FAILURES_UNTIL_GIVEN_UP = 2;
/** An attempt that has not opened by then counts as failed. */
const OPENS_WITHIN_MS = 2_000;

export function openStream({ url, onChange, onState, open = (each) => new EventSource(each) }: StreamOptions): () => void {
  let failures = 0;
  let source: EventSource | null = null;
  let timer: ReturnType<typeof setTimeout> | null = null;

  const disarm = () => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
  };
  const close = () => {
    disarm();
    source?.close();
    source = null;
  };
  const fail = () => {
    close();
    failures += 1;
    if (failures >= FAILURES_UNTIL_GIVEN_UP) onState("failed");
    else timer = setTimeout(start, 500);
  };
  function start() {
    const opened = open(url);
    source = opened;
    timer = setTimeout(fail, OPENS_WITHIN_MS);
    opened.addEventListener("open", () => {
      disarm();
      onState("open");
      onChange(); // what happened while it was away
    });
    for (const name of ["message", "reset", "back"]) opened.addEventListener(name, () => { failures = 0; onChange(); });
    // The browser itself comes back to a stream that ended; a refusal closes it for good. Each try that fails is an
    // error of its own, which must not put off the moment by which one has to succeed.
    opened.addEventListener("error", () => {
      if (opened.readyState === EventSource.CLOSED) fail();
      else timer ??= setTimeout(fail, OPENS_WITHIN_MS);
    });
  }
  start();
  return close;
}

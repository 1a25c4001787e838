import { useMemo, useState } from "react";
import { Button } from "../../components/button";
import { Card } from "../../components/card";
import { CopyButton } from "../../components/copy-button";
import { JsonText } from "../../components/json-text";
import { formatBytes } from "../../lib/format";
import type { Json } from "../../lib/json";
import { formatJson } from "../../lib/json";

const LARGE = 64_000;
const SHOWN_AT_FIRST = 4_000;

/** A payload or a result as text, numbers as they were written. A large one shows its beginning first. */
export function JsonCard({ title, value }: { title: string; value: Json }) {
  const [all, setAll] = useState(false);
  const text = useMemo(() => formatJson(value), [value]);
  const size = useMemo(() => new TextEncoder().encode(text).length, [text]);
  const cut = size > LARGE && !all;
  return (
    <Card title={title} note={value === null ? "none" : formatBytes(size)} tools={value !== null && <CopyButton name={title.toLowerCase()} words="Copy" text={text} />}>
      {value !== null && (
        <div className="border-t border-border">
          <JsonText label={`${title} as JSON`} text={cut ? text.slice(0, SHOWN_AT_FIRST) : text} />
          {cut && (
            <div className="flex items-center gap-3 border-t border-border px-4 py-2 text-12 text-text-2">
              The first {formatBytes(SHOWN_AT_FIRST)} of {formatBytes(size)}.
              <Button onClick={() => { setAll(true); }}>Show all</Button>
            </div>
          )}
        </div>
      )}
    </Card>
  );
}

import { Dialog } from "../../components/dialog";
import { Kbd } from "../../components/kbd";
import { SHORTCUTS } from "../../lib/shortcuts";

export function ShortcutHelp({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title="Keyboard shortcuts" onClose={onClose}>
      <dl className="grid grid-cols-[auto_1fr] items-baseline gap-x-4 gap-y-2.5">
        {SHORTCUTS.map(([keys, does]) => (
          <div key={keys} className="contents">
            <dt><Kbd keys={keys} /></dt>
            <dd className="text-text-2">{does}</dd>
          </div>
        ))}
      </dl>
      <p className="mt-4 text-12 text-text-2">Single-key shortcuts can be switched off in Settings.</p>
    </Dialog>
  );
}

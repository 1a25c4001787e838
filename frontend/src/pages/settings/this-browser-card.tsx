import { useSyncExternalStore } from "react";
import { Card } from "../../components/card";
import { Segmented } from "../../components/segmented";
import { Switch } from "../../components/switch";
import { useTheme } from "../../hooks/use-theme";
import { singleKeys } from "../../lib/shortcuts";

/** What this browser remembers for itself. */
export function ThisBrowserCard() {
  const { theme, toggleTheme } = useTheme();
  const hasKeys = useSyncExternalStore(singleKeys.subscribe, singleKeys.getSnapshot);
  return (
    <Card title="This browser">
      <div className="flex flex-col gap-4 border-t border-border p-4">
        <div className="flex items-center justify-between gap-4">
          <p>
            Single-key shortcuts
            <span className="block text-12 text-text-2">Off leaves only ⌘K or Ctrl K. Press ? for the list.</span>
          </p>
          <Switch label="Single-key shortcuts" on={hasKeys} onToggle={singleKeys.set} />
        </div>
        <div className="flex items-center justify-between gap-4">
          <p>Theme</p>
          <Segmented label="Theme" value={theme} onPick={(next) => { if (next !== theme) toggleTheme(); }} options={[{ value: "light", text: "Light" }, { value: "dark", text: "Dark" }]} />
        </div>
      </div>
    </Card>
  );
}

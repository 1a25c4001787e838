import { PageFrame } from "../shell/page-frame";
import { DiagnosticsCard } from "./diagnostics-card";
import { ThisBrowserCard } from "./this-browser-card";

export function SettingsPage() {
  return (
    <PageFrame title="Settings">
      <div className="grid items-start gap-3 md:gap-4 xl:grid-cols-2">
        <ThisBrowserCard />
        <DiagnosticsCard />
      </div>
    </PageFrame>
  );
}

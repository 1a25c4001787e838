import { PageFrame } from "../shell/page-frame";
import { AuditCard } from "./audit-card";
import { CostTable } from "./cost-table";
import { DiagnosticsCard } from "./diagnostics-card";
import { KeysCard } from "./keys-card";
import { LimitsCard } from "./limits-card";
import { ThisBrowserCard } from "./this-browser-card";

export function SettingsPage() {
  return (
    <PageFrame title="Settings">
      <div className="grid items-start gap-3 md:gap-4 xl:grid-cols-2">
        <div className="flex min-w-0 flex-col gap-3 md:gap-4">
          <ThisBrowserCard />
          <KeysCard />
          <LimitsCard />
        </div>
        <div className="flex min-w-0 flex-col gap-3 md:gap-4">
          <DiagnosticsCard />
          <CostTable />
        </div>
        <AuditCard />
      </div>
    </PageFrame>
  );
}

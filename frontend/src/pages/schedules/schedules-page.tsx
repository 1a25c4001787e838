import { useQuery } from "@tanstack/react-query";
import { useSearch } from "@tanstack/react-router";
import { CalendarClock, Plus } from "lucide-react";
import { useState } from "react";
import type { Schedule } from "../../api/schedules";
import { schedulesOptions } from "../../api/schedules";
import { Button } from "../../components/button";
import { Card } from "../../components/card";
import { ErrorMessage, Message } from "../../components/message";
import { SkeletonRows } from "../../components/skeleton";
import { useLive } from "../../live/live";
import { PageFrame } from "../shell/page-frame";
import { useIdentity } from "../shell/use-identity";
import { NextDay } from "./next-day";
import { ScheduleDialog } from "./schedule-dialog";
import { ScheduleTable } from "./schedule-table";

/** What is being written: a new schedule, or one to change. */
type Editing = "new" | Schedule | null;

export function SchedulesPage() {
  const { schedule: chosen } = useSearch({ from: "/schedules" });
  const { mayAct } = useIdentity();
  const { nextTryAt, readNow } = useLive();
  const { data: schedules, isError, error } = useQuery(schedulesOptions());
  const [editing, setEditing] = useState<Editing>(null);
  const create = mayAct && (
    <Button kind="primary" className="max-sm:w-11 max-sm:px-0 md:h-8" onClick={() => { setEditing("new"); }}>
      <Plus size={14} aria-hidden />
      <span className="max-sm:sr-only">New schedule</span>
    </Button>
  );
  return (
    <PageFrame title="Schedules" tools={create}>
      <div className="flex flex-col gap-3 md:gap-4">
        <Card>
          {schedules === undefined ? (
            isError ? <ErrorMessage what="Schedules" error={error} nextTryAt={nextTryAt} onRetry={readNow} /> : <SkeletonRows rows={5} what="schedules" />
          ) : schedules.length === 0 ? (
            <Message icon={CalendarClock} title="No schedule yet" actions={mayAct && <Button onClick={() => { setEditing("new"); }}>New schedule</Button>}>
              A schedule submits a task again and again: every 15 minutes, on weekdays at 09:00, on the first of the month.
            </Message>
          ) : (
            <ScheduleTable schedules={schedules} chosen={chosen} mayAct={mayAct} onEdit={setEditing} />
          )}
        </Card>
        {schedules !== undefined && schedules.length > 0 && <NextDay schedules={schedules} />}
      </div>
      {editing !== null && (
        <ScheduleDialog schedule={editing === "new" ? null : editing} taken={schedules?.map((each) => each.id) ?? []} onClose={() => { setEditing(null); }} />
      )}
    </PageFrame>
  );
}

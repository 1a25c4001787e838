import { Activity, Check, ChevronDown, ChevronRight, List, RotateCw, SquareArrowOutUpRight } from "lucide-react";
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { Fragment } from "react";
import type { ErrorGroup } from "../../api/dead-letters";
import { groupSampleOptions, newestDeadOptions } from "../../api/dead-letters";
import { requeueDead } from "../../api/operations";
import type { Task } from "../../api/tasks";
import { Button } from "../../components/button";
import { Menu } from "../../components/menu";
import { Spark } from "../../components/spark";
import { Td, Th } from "../../components/table";
import { TimeText } from "../../components/time-text";
import { PHONE, useMedia } from "../../hooks/use-media";
import { useNow } from "../../hooks/use-now";
import { useJob } from "../../hooks/use-job";
import type { GroupHistory } from "../../lib/death-history";
import { coverage, historyOf, LAST_DAY } from "../../lib/death-history";
import { formatCount, joinClasses, plural } from "../../lib/format";
import { formatDay, formatExact } from "../../lib/time";
import { GroupDetail } from "./group-detail";

/** A group that killed a task within this time is still failing. */
const STILL_FAILING_MS = 15 * 60_000;

/** More than so many are requeued at a pace, which the opened group asks for. */
const CONFIRM_ABOVE = 20;

interface GroupTableProps {
  groups: readonly ErrorGroup[];
  /** Fingerprint of the open group. */
  open: string | undefined;
  mayAct: boolean;
  /** Of all groups, those not listed included. */
  dead: number;
  onOpen: (fingerprint: string | null) => void;
}

/** One row a reason; a row opens to what is known of it. */
export function GroupTable({ groups, open, mayAct, dead, onOpen }: GroupTableProps) {
  const phone = useMedia(PHONE);
  const now = useNow();
  const { data: newest } = useQuery(newestDeadOptions());
  const covered = newest === undefined ? null : coverage(newest, dead);
  return (
    <>
      <table className="w-full table-fixed border-t border-border">
        <thead>
          <tr>
            <Th>Error</Th>
            <Th className="w-35 max-md:hidden">Type</Th>
            <Th className="w-36 max-xl:hidden">Last 24 h</Th>
            <Th className="w-38 max-lg:hidden">First seen</Th>
            <Th className="w-29 max-md:w-24">Last seen</Th>
            <Th className="w-20 text-right">Tasks</Th>
            <Th className={joinClasses("text-right max-md:hidden", mayAct ? "w-56" : "w-14")} />
          </tr>
        </thead>
        <tbody>
          {groups.map((group) => {
            const isOpen = group.fingerprint === open;
            return (
              <Fragment key={group.fingerprint}>
                <GroupRow group={group} newest={newest} dead={dead} isOpen={isOpen} mayAct={mayAct} onOpen={onOpen} />
                {isOpen && (
                  <tr>
                    <td colSpan={phone ? 3 : 7} className="p-0">
                      <GroupDetail group={group} mayAct={mayAct} />
                    </td>
                  </tr>
                )}
              </Fragment>
            );
          })}
        </tbody>
      </table>
      {covered !== null && (
        <p className="border-t border-border px-4 py-2 text-12 text-text-2 max-lg:hidden">
          Last 24 h and first seen are from the newest {formatCount(covered.looked)} of {plural(dead, "dead task")}, back to {formatDay(covered.backTo, now)}. An opened group of at most 100 is looked at whole.
        </p>
      )}
    </>
  );
}

/** When it died: from all of the group where it is open and was read whole, else from the newest dead tasks. */
function useHistory(group: ErrorGroup, newest: readonly Task[] | undefined, dead: number, isOpen: boolean, now: number): GroupHistory | null {
  const { data: sample } = useQuery({ ...groupSampleOptions(group), enabled: isOpen });
  if (sample !== undefined && sample.tasks.length >= group.count) return historyOf(sample.tasks, sample.tasks.length, group, now, LAST_DAY);
  return newest === undefined ? null : historyOf(newest, dead, group, now, LAST_DAY);
}

interface GroupRowProps {
  group: ErrorGroup;
  newest: readonly Task[] | undefined;
  dead: number;
  isOpen: boolean;
  mayAct: boolean;
  onOpen: (fingerprint: string | null) => void;
}

function GroupRow({ group, newest, dead, isOpen, mayAct, onOpen }: GroupRowProps) {
  const now = useNow();
  const history = useHistory(group, newest, dead, isOpen, now);
  const requeue = useJob("requeued");
  const navigate = useNavigate();
  const { task, count, fingerprint, lastAt } = group;
  const stillFails = now - lastAt.getTime() < STILL_FAILING_MS;
  const Chevron = isOpen ? ChevronDown : ChevronRight;
  const toggle = () => { onOpen(isOpen ? null : fingerprint); };
  return (
    <tr onClick={toggle} className={joinClasses("h-15 cursor-pointer", isOpen ? "bg-surface-2" : "hover:bg-surface-2")}>
      <Td className="pr-2">
        <button type="button" aria-expanded={isOpen} onClick={(event) => { event.stopPropagation(); toggle(); }} className="flex w-full min-w-0 items-center gap-4 py-2 text-left">
          <Chevron size={14} aria-hidden className="shrink-0 text-text-2" />
          <span className="min-w-0">
            <span className="block truncate font-semibold">{task.error?.type ?? "Unknown error"}</span>
            <span className="block truncate font-mono text-text-2 max-md:hidden" title={task.error?.message}>{task.error?.message}</span>
            <span className="block truncate font-mono text-text-2 md:hidden">{task.type}</span>
          </span>
        </button>
      </Td>
      <Td className="truncate max-md:hidden"><span className="font-mono" title={task.type}>{task.type}</span></Td>
      <Td className="text-text-3 max-xl:hidden">{history ? <Spark look="bars" tone={stillFails ? "red" : "neutral"} values={history.steps} width={120} height={24} /> : "–"}</Td>
      <Td className="text-text-2 max-lg:hidden">
        {history === null ? "–" : <time dateTime={history.firstAt.toISOString()} title={formatExact(history.firstAt)}>{history.hasEarlier && "before "}{formatDay(history.firstAt, now)}</time>}
      </Td>
      <Td>
        <TimeText at={lastAt} className="block" />
        {stillFails ? (
          <span className="flex items-center gap-1.5 text-12 font-medium text-red-fg"><Activity size={13} aria-hidden />still failing</span>
        ) : (
          <span className="flex items-center gap-1.5 text-12 text-text-2"><Check size={13} aria-hidden />stopped</span>
        )}
      </Td>
      <Td className="text-right text-15 font-semibold">{formatCount(count)}</Td>
      <Td className="max-md:hidden">
        <span className="flex justify-end gap-2">
          {mayAct && !isOpen && (
            <Button
              aria-busy={requeue.isBusy}
              onClick={(event) => {
                event.stopPropagation();
                if (count > CONFIRM_ABOVE) onOpen(fingerprint);
                else if (!requeue.isBusy) requeue.start(() => requeueDead({ fingerprint }, {}));
              }}
            >
              <RotateCw size={13} aria-hidden />
              Requeue {formatCount(count)}{count > CONFIRM_ABOVE && "…"}
            </Button>
          )}
          <Menu
            label={`More for ${task.error?.type ?? "this error"} of ${task.type}`}
            items={[
              { label: "Open the newest task", icon: SquareArrowOutUpRight, run: () => void navigate({ to: "/tasks/$taskId", params: { taskId: task.id } }) },
              { label: "Show its tasks", icon: List, run: () => void navigate({ to: "/tasks", search: { status: "dead", error: fingerprint } }) },
            ]}
          />
        </span>
      </Td>
    </tr>
  );
}

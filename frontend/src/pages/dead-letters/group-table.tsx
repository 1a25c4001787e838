import { Activity, Check, ChevronDown, ChevronRight, List, SquareArrowOutUpRight } from "lucide-react";
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { Fragment } from "react";
import type { ErrorGroup } from "../../api/dead-letters";
import { newestDeadOptions } from "../../api/dead-letters";
import { Button } from "../../components/button";
import { Menu } from "../../components/menu";
import { Spark } from "../../components/spark";
import { Td, Th } from "../../components/table";
import { TimeText } from "../../components/time-text";
import { PHONE, useMedia } from "../../hooks/use-media";
import { useNow } from "../../hooks/use-now";
import { formatCount, joinClasses } from "../../lib/format";
import type { GroupHistory } from "../../lib/death-history";
import { historyOf, LAST_DAY } from "../../lib/death-history";
import { formatDay, formatExact } from "../../lib/time";
import { GroupDetail } from "./group-detail";

/** A group that killed a task within this time is still failing. */
const STILL_FAILING_MS = 15 * 60_000;

interface GroupTableProps {
  groups: readonly ErrorGroup[];
  /** Fingerprint of the open group. */
  open: string | undefined;
  mayAct: boolean;
  onOpen: (fingerprint: string | null) => void;
}

/** One row a reason; a row opens to what is known of it. */
export function GroupTable({ groups, open, mayAct, onOpen }: GroupTableProps) {
  const phone = useMedia(PHONE);
  const now = useNow();
  const { data: newest } = useQuery(newestDeadOptions());
  const dead = groups.reduce((sum, group) => sum + group.count, 0);
  return (
    <table className="w-full table-fixed border-t border-border">
      <thead>
        <tr>
          <Th>Error</Th>
          <Th className="w-36 max-md:hidden">Type</Th>
          <Th className="w-36 max-xl:hidden">Last 24 h</Th>
          <Th className="w-32 max-lg:hidden">First seen</Th>
          <Th className="w-32 max-md:w-24">Last seen</Th>
          <Th className="w-20 text-right">Tasks</Th>
          <Th className={joinClasses("text-right max-md:hidden", mayAct ? "w-44" : "w-14")} />
        </tr>
      </thead>
      <tbody>
        {groups.map((group) => {
          const isOpen = group.fingerprint === open;
          return (
            <Fragment key={group.fingerprint}>
              <GroupRow group={group} history={newest === undefined ? null : historyOf(newest, dead, group, now, LAST_DAY)} isOpen={isOpen} mayAct={mayAct} onOpen={onOpen} />
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
  );
}

interface GroupRowProps {
  group: ErrorGroup;
  history: GroupHistory | null;
  isOpen: boolean;
  mayAct: boolean;
  onOpen: (fingerprint: string | null) => void;
}

function GroupRow({ group, history, isOpen, mayAct, onOpen }: GroupRowProps) {
  const now = useNow();
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
      <Td className="max-xl:hidden">{history && <Spark look="bars" tone={stillFails ? "red" : "neutral"} values={history.steps} width={120} height={24} />}</Td>
      <Td className="text-text-2 max-lg:hidden">
        {history && <time dateTime={history.firstAt.toISOString()} title={formatExact(history.firstAt)}>{history.hasEarlier && "before "}{formatDay(history.firstAt, now)}</time>}
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
          {mayAct && !isOpen && <Button onClick={(event) => { event.stopPropagation(); onOpen(fingerprint); }}>Requeue {formatCount(count)}…</Button>}
          <Menu
            label={`More for ${task.error?.type ?? "this error"} of ${task.type}`}
            items={[
              { label: "Open the newest task", icon: SquareArrowOutUpRight, run: () => void navigate({ to: "/tasks/$taskId", params: { taskId: task.id } }) },
              { label: "Show dead tasks of this type", icon: List, run: () => void navigate({ to: "/tasks", search: { status: "dead", type: task.type } }) },
            ]}
          />
        </span>
      </Td>
    </tr>
  );
}

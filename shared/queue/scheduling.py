"""Recurring schedules: stored, listed, held, and fired exactly once per due time by whoever meets it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import msgspec
from pydantic import ValidationError

from shared.codec import encode
from shared.errors import InvalidInput, NotFound
from shared.ids import IdGenerator, derived_id
from shared.keys import Keys
from shared.models import LETTERS, NAME, CatchUp, Overlap, PastRun, Schedule, ScheduleSpec, instant
from shared.queue.base import QueueBase, together, who
from shared.queue.submission import DEFAULT_QUEUE, Defaults, Submission
from shared.schedules import Timing
from shared.sealing import Unreadable, schedule_place, seal, unseal

#: A time that is met later than this was missed: the catch-up policy decides.
LATE = timedelta(seconds=60)
_ids = IdGenerator()


class DueSchedule(NamedTuple):
    """A schedule that an exchange or a tick hands out to be fired: id, due time (ms) and definition."""

    id: str
    due_ms: int
    definition: str


def read_due(flat: Sequence[str]) -> list[DueSchedule]:
    """Due schedules from `id, due, definition, …`; the bulk operations among them are `read_due_jobs`'."""
    return [
        DueSchedule(flat[i], int(flat[i + 1]), flat[i + 2])
        for i in range(0, len(flat), 3)
        if flat[i][:2] != "j:"
    ]


class Scheduling(Submission, QueueBase):
    """Operations on recurring schedules."""

    async def save_schedule(self, schedule_id: str, spec: ScheduleSpec, *, by: str, now: datetime) -> bool:
        """Create or change a schedule; True when it is new. Its next time is counted from `now`.

        It lives in the shard of its task's queue. One whose queue is changed may move to another: it is
        stored there first, then removed where it was, so a call that failed half way is to be repeated.

        Raises:
            InvalidInput: the id is no name, or the timing is not valid or never fires.
        """
        if not NAME.fullmatch(schedule_id):
            raise InvalidInput(
                "id", f"{schedule_id[:80]!r} is no name.", "Use letters, digits, '.', '_', '-'."
            )
        self._prepare(spec.task, Defaults(), None, 0, 1)
        following = _timing(spec).next_after(now)
        keys = self._home_of(spec)
        reply = await self._run(
            "schedule_save",
            schedules=keys.schedules,
            timers=keys.timers,
            wakes=keys.wakes,
            prefix=keys.prefix,
            id=schedule_id,
            definition=seal(
                self.options.sealer,
                encode(spec.model_dump(mode="json", exclude_unset=True), "schedule"),
                schedule_place(schedule_id),
            ),
            next_ms=_ms(following),
            by=who(by),
        )
        was_elsewhere = False
        if len(self.shards) > 1:
            was_elsewhere = await self._remove_elsewhere(schedule_id, keys, by)
        return bool(reply[2]) and not was_elsewhere

    async def _remove_elsewhere(self, schedule_id: str, home: Keys, by: str) -> bool:
        """Remove a schedule from all shards but one; True when it was there."""

        async def remove(keys: Keys) -> bool:
            try:
                await self._hold_in(keys, schedule_id, "delete", by, "", None)
            except NotFound:
                return False
            return True

        return any(await together(remove(keys) for keys in self.shards if keys is not home))

    async def schedules(self) -> list[Schedule]:
        """All schedules, by id, and how their last times went; three Redis calls a shard, four once one has fired."""
        found = await together(self._schedules_in(keys) for keys in self.shards)
        return sorted((one for part in found for one in part), key=lambda one: one.id)

    async def _schedules_in(self, keys: Keys) -> list[Schedule]:
        reply = await self._run("schedules", schedules=keys.schedules, prefix=keys.prefix)
        fields, lines = (dict(zip(flat[::2], flat[1::2], strict=True)) for flat in reply[2:4])
        return [
            Schedule(
                id=name,
                spec=self._spec(name, text),
                next_at=instant(float(fields.get(f"{name}:n", 0))),
                last_task_id=next(
                    (word for word in fields.get(f"{name}:l", "").split() if word != "-"), None
                ),
                runs=[_past_run(word, lines) for word in fields.get(f"{name}:l", "").split()],
                paused=fields.get(f"{name}:p"),
            )
            for name, text in fields.items()
            if ":" not in name
        ]

    async def schedule(self, schedule_id: str) -> Schedule:
        """One schedule.

        Raises:
            NotFound: no schedule of that id is stored.
        """
        for found in await self.schedules():
            if found.id == schedule_id:
                return found
        raise no_schedule(schedule_id)

    async def pause_schedule(self, schedule_id: str, *, by: str, reason: str = "") -> None:
        """Let no time fire until it is resumed."""
        await self._hold(schedule_id, "pause", by, reason=reason)

    async def resume_schedule(self, schedule_id: str, *, by: str, now: datetime) -> None:
        """Go on with the first time after `now`; what passed meanwhile does not fire."""
        found = await self.schedule(schedule_id)
        await self._hold(schedule_id, "resume", by, following=_timing(found.spec).next_after(now))

    async def delete_schedule(self, schedule_id: str, *, by: str) -> None:
        """Remove a schedule; its tasks stay."""
        await self._hold(schedule_id, "delete", by)

    async def run_schedule(self, schedule_id: str, *, by: str = "") -> str:
        """Submit its task once more, now; returns the task's id. `by` is who asks, for the audit log."""
        found = await self.schedule(schedule_id)
        task_id = _ids.next(self._home_of(found.spec).shard)
        result = await self._fire(
            schedule_id, found.spec, task_id, due="", following=datetime.now(UTC), skip="", by=by
        )
        if result == "stale":
            raise NotFound(f"Schedule {schedule_id} was removed meanwhile. Nothing was submitted.")
        return task_id

    async def fire(self, due: DueSchedule, now: datetime) -> str:
        """Fire one due time: fired, skipped, or stale when somebody else was first.

        A definition that cannot be fired pauses its schedule with the reason.
        """
        try:
            spec = self._spec(due.id, due.definition)
            at = instant(due.due_ms)
            is_missed = now - at > LATE
            following = _timing(spec).next_after(max(at, now) if is_missed else at)
        except (InvalidInput, ValidationError, msgspec.DecodeError, Unreadable) as error:
            await self.pause_schedule(due.id, by="schedule", reason=f"cannot fire: {error}"[:500])
            return "skipped"
        skip = "overlap" if spec.overlap is Overlap.SKIP else ""
        if is_missed and spec.catch_up is CatchUp.SKIP:
            skip = "missed"
        task_id = derived_id(self._home_of(spec).shard, "schedule", due.id, str(due.due_ms))
        return await self._fire(due.id, spec, task_id, due=str(due.due_ms), following=following, skip=skip)

    async def _fire(
        self,
        schedule_id: str,
        spec: ScheduleSpec,
        task_id: str,
        *,
        due: str,
        following: datetime,
        skip: str,
        by: str = "",
    ) -> str:
        prepared = self._prepare(spec.task, Defaults(), None, 0, 1, schedule=schedule_id)
        keys = self._home_of(spec)
        reply = await self._run(
            "fire_schedule",
            record=keys.task(task_id),
            schedules=keys.schedules,
            queues=keys.queues,
            timers=keys.timers,
            wakes=keys.wakes,
            events=keys.events,
            prefix=keys.prefix,
            id=schedule_id,
            due=due,
            next_ms=_ms(following),
            skip=skip,
            by=who(by) if by else "",
            attributes=prepared.attributes,
            payload=prepared.payload,
        )
        result: str = reply[2]
        return result

    def _spec(self, schedule_id: str, text: str) -> ScheduleSpec:
        plain = unseal(self.options.sealer, text, schedule_place(schedule_id))
        return ScheduleSpec.model_validate_json(plain)

    async def _hold(
        self, schedule_id: str, action: str, by: str, *, reason: str = "", following: datetime | None = None
    ) -> None:
        """In every shard that has it: a save that failed half way may have left two."""
        await self._where_known(lambda keys: self._hold_in(keys, schedule_id, action, by, reason, following))

    async def _hold_in(
        self, keys: Keys, schedule_id: str, action: str, by: str, reason: str, following: datetime | None
    ) -> None:
        await self._run(
            "schedule_hold",
            schedules=keys.schedules,
            timers=keys.timers,
            wakes=keys.wakes,
            prefix=keys.prefix,
            id=schedule_id,
            action=action,
            next_ms=_ms(following) if following else "0",
            reason=reason.encode("utf-8", "replace").decode()[:500],
            by=who(by),
        )

    def _home_of(self, spec: ScheduleSpec) -> Keys:
        """The shard of the queue that a schedule's task goes to."""
        return self.keys_of_queue(spec.task.queue or DEFAULT_QUEUE)


def no_schedule(schedule_id: str) -> NotFound:
    """What is said of a schedule that is not there."""
    return NotFound(f"There is no schedule {schedule_id[:80]!r}.")


def _past_run(word: str, lines: Mapping[str, str]) -> PastRun:
    """One word of the last times; `lines` has the first line of each record that was looked at."""
    line = lines.get(word, "")
    if not line:
        return PastRun(task_id=None if word == "-" else word, status=None, run_ms=None)
    _, _, _, *ran = line.split()
    # Worker, claim, start and end, and of a dead task its group; a dash for a worker that there never was.
    took = int(ran[3]) - int(ran[2]) if len(ran) >= 4 and ran[0] != "-" else None
    return PastRun(task_id=word, status=LETTERS[line[0]], run_ms=took)


def _timing(spec: ScheduleSpec) -> Timing:
    return Timing(cron=spec.cron, interval_seconds=spec.interval_seconds, zone=spec.zone)


def _ms(moment: datetime) -> str:
    return str(math.ceil(moment.timestamp() * 1000))

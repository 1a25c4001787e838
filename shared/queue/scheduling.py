"""Recurring schedules: stored, listed, held, and fired exactly once per due time by whoever meets it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import msgspec
from pydantic import ValidationError

from shared.codec import encode
from shared.errors import InvalidInput, NotFound
from shared.ids import IdGenerator, derived_id
from shared.models import NAME, CatchUp, Overlap, Schedule, ScheduleSpec, instant
from shared.queue.base import QueueBase
from shared.queue.submission import Defaults, Submission
from shared.schedules import Timing

#: A time that is met later than this was missed: the catch-up policy decides.
LATE = timedelta(seconds=60)
_ids = IdGenerator()


class DueSchedule(NamedTuple):
    """A schedule that an exchange or a tick hands out to be fired: id, due time (ms) and definition."""

    id: str
    due_ms: int
    definition: str


def read_due(flat: Sequence[str]) -> list[DueSchedule]:
    """Due schedules from `id, due, definition, …`."""
    return [DueSchedule(flat[i], int(flat[i + 1]), flat[i + 2]) for i in range(0, len(flat), 3)]


class Scheduling(Submission, QueueBase):
    """Operations on recurring schedules."""

    async def save_schedule(self, schedule_id: str, spec: ScheduleSpec, *, by: str, now: datetime) -> bool:
        """Create or change a schedule; True when it is new. Its next time is counted from `now`.

        Raises:
            InvalidInput: the id is no name, or the timing is not valid or never fires.
        """
        if not NAME.fullmatch(schedule_id):
            raise InvalidInput(
                "id", f"{schedule_id[:80]!r} is no name.", "Use letters, digits, '.', '_', '-'."
            )
        self._prepare(spec.task, Defaults(), None, 0, 1)
        following = _timing(spec).next_after(now)
        reply = await self._run(
            "schedule_save",
            schedules=self.keys.schedules,
            timers=self.keys.timers,
            wakes=self.keys.wakes,
            prefix=self.keys.prefix,
            id=schedule_id,
            definition=encode(spec.model_dump(mode="json", exclude_unset=True), "schedule"),
            next_ms=_ms(following),
            by=by,
        )
        return bool(reply[2])

    async def schedules(self) -> list[Schedule]:
        """All schedules, by id; one Redis call."""
        flat = await self._command("HGETALL", self.keys.schedules)
        fields = flat if isinstance(flat, dict) else dict(zip(flat[::2], flat[1::2], strict=True))
        return [
            Schedule(
                id=name,
                spec=_spec(text),
                next_at=instant(float(fields.get(f"{name}:n", 0))),
                last_task_id=fields.get(f"{name}:l"),
                paused=fields.get(f"{name}:p"),
            )
            for name, text in sorted(fields.items())
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
        raise NotFound(f"There is no schedule {schedule_id[:80]!r}.")

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

    async def run_schedule(self, schedule_id: str) -> str:
        """Submit its task once more, now; returns the task's id."""
        found = await self.schedule(schedule_id)
        task_id = _ids.next()
        result = await self._fire(
            schedule_id, found.spec, task_id, due="", following=datetime.now(UTC), skip=""
        )
        if result == "stale":
            raise NotFound(f"Schedule {schedule_id} was removed meanwhile. Nothing was submitted.")
        return task_id

    async def fire(self, due: DueSchedule, now: datetime) -> str:
        """Fire one due time: fired, skipped, or stale when somebody else was first.

        A definition that cannot be fired pauses its schedule with the reason.
        """
        try:
            spec = _spec(due.definition)
            at = instant(due.due_ms)
            is_missed = now - at > LATE
            following = _timing(spec).next_after(max(at, now) if is_missed else at)
        except (InvalidInput, ValidationError, msgspec.DecodeError) as error:
            await self.pause_schedule(due.id, by="schedule", reason=f"cannot fire: {error}"[:500])
            return "skipped"
        skip = "overlap" if spec.overlap is Overlap.SKIP else ""
        if is_missed and spec.catch_up is CatchUp.SKIP:
            skip = "missed"
        task_id = derived_id(0, "schedule", due.id, str(due.due_ms))
        return await self._fire(due.id, spec, task_id, due=str(due.due_ms), following=following, skip=skip)

    async def _fire(
        self, schedule_id: str, spec: ScheduleSpec, task_id: str, *, due: str, following: datetime, skip: str
    ) -> str:
        prepared = self._prepare(spec.task, Defaults(), None, 0, 1)
        reply = await self._run(
            "fire_schedule",
            record=self.keys.task(task_id),
            schedules=self.keys.schedules,
            queues=self.keys.queues,
            timers=self.keys.timers,
            wakes=self.keys.wakes,
            events=self.keys.events,
            prefix=self.keys.prefix,
            id=schedule_id,
            due=due,
            next_ms=_ms(following),
            skip=skip,
            attributes=prepared.attributes,
            payload=prepared.payload,
        )
        result: str = reply[2]
        return result

    async def _hold(
        self, schedule_id: str, action: str, by: str, *, reason: str = "", following: datetime | None = None
    ) -> None:
        await self._run(
            "schedule_hold",
            schedules=self.keys.schedules,
            timers=self.keys.timers,
            wakes=self.keys.wakes,
            prefix=self.keys.prefix,
            id=schedule_id,
            action=action,
            next_ms=_ms(following) if following else "0",
            reason=reason.encode("utf-8", "replace").decode()[:500],
            by=by,
        )


def _spec(text: str) -> ScheduleSpec:
    return ScheduleSpec.model_validate_json(text)


def _timing(spec: ScheduleSpec) -> Timing:
    return Timing(cron=spec.cron, interval_seconds=spec.interval_seconds, zone=spec.zone)


def _ms(moment: datetime) -> str:
    return str(math.ceil(moment.timestamp() * 1000))

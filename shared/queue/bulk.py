"""Bulk operations: begun, done in slices by whoever meets them, read, cancelled."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from typing import Any

from shared.errors import InvalidInput, NotFound
from shared.ids import ALPHABET, IdGenerator
from shared.jobs import (
    MAX_FIRST,
    MAX_PER_SECOND,
    DueJob,
    Job,
    JobFilter,
    JobKind,
    JobPace,
    JobState,
    SliceReply,
)
from shared.keys import Keys
from shared.models import LETTER_OF, LETTERS, NAME, TaskStatus, instant
from shared.queue.base import together, who
from shared.queue.control import Control

_ids = IdGenerator()
_AS_FAST_AS_IT_GOES = JobPace()
#: What purge and cancel may be asked for; what runs is left alone.
WAITING_STATUSES = frozenset({TaskStatus.PENDING, TaskStatus.SCHEDULED, TaskStatus.RETRYING})
_FIELDS = (
    "kind", "state", "by", "group", "queue", "type", "states", "first", "pace", "total", "done", "skipped", "missing",
    "canary", "reason", "created", "updated", "ended",
)  # fmt: skip


class Bulk(Control):
    """Operations on many tasks: each is a hash with a timer, and goes on after any crash."""

    async def begin_job(
        self,
        kind: JobKind,
        wanted: JobFilter,
        *,
        by: str,
        pace: JobPace = _AS_FAST_AS_IT_GOES,
        payload: Any = None,
    ) -> str:
        """Begin a bulk operation; returns its id. Workers and ticks do it, see `work_off`.

        What dies or is submitted after its beginning is left alone.

        Args:
            kind: what becomes of the tasks.
            wanted: which tasks.
            by: who asks.
            pace: of a requeue.
            payload: replaces the payload of the requeued; None keeps theirs.

        Raises:
            InvalidInput: a field breaks a rule.
            NotFound: the queue was never used, or no dead task is in the group.
            Conflict: 100 operations go on.
        """
        _check(wanted, pace)
        homes = self.shards if wanted.queue is None else [self.keys_of_queue(wanted.queue)]
        if pace.first and len(homes) > 1:
            raise InvalidInput(
                "first", "needs a queue, as the namespace has several shards.", "Name a queue."
            )
        rest = _ids.next()[1:]
        statuses = wanted.statuses if kind in (JobKind.PURGE, JobKind.CANCEL) else ()
        ms_per_task = 1000 * len(homes) / pace.per_second if pace.per_second is not None else 0
        text = "" if payload is None else self._payload_text(payload)

        async def begin(keys: Keys) -> str:
            job_id = ALPHABET[keys.shard] + rest
            await self._run(
                "job_create",
                job=keys.job(job_id),
                jobs=keys.jobs,
                queues=keys.queues,
                groups=keys.groups,
                timers=keys.timers,
                wakes=keys.wakes,
                prefix=keys.prefix,
                id=job_id,
                by=who(by),
                action=kind.value,
                group=wanted.fingerprint or "",
                name=wanted.queue or "",
                kind=wanted.task_type or "",
                states="".join(sorted(LETTER_OF[status] for status in statuses)),
                payload=text,
                first=str(pace.first),
                pace=repr(ms_per_task),
            )
            return job_id

        return (await begin(homes[0])) if len(homes) == 1 else (await self._where_known(begin))[0]

    def parts_of(self, job_id: str) -> list[str]:
        """Under which ids the shards have their parts of a bulk operation; not all of them need have one."""
        return [ALPHABET[keys.shard] + job_id[1:] for keys in self.shards]

    async def run_job_slice(self, job_id: str, number: int, runner: str) -> SliceReply:
        """Do one slice; the same again changes nothing and answers the same.

        Args:
            job_id: the operation.
            number: of the slice.
            runner: a word that stands for the caller alone.
        """
        keys = self.keys_of_task(job_id)
        reply = await self._run(
            "job_slice",
            job=keys.job(job_id),
            jobs=keys.jobs,
            queues=keys.queues,
            timers=keys.timers,
            wakes=keys.wakes,
            events=keys.events,
            prefix=keys.prefix,
            id=job_id,
            number=str(number),
            runner=runner,
            retention_ms=self.options.retention_text,
        )
        return SliceReply(*reply[2:5])

    async def work_off(self, due: DueJob, *, may_go_on: Callable[[], bool]) -> SliceReply | None:
        """Do slices until it ends or waits, or `may_go_on` says no; the last answer.

        Whoever stops in between need not say so: the operation is handed out again 10 s later.
        """
        runner, number = secrets.token_hex(8), due.number
        reply = None
        while may_go_on():
            reply = await self.run_job_slice(due.id, number, runner)
            if not reply.goes_on:
                break
            number = reply.number + 1
        return reply

    async def get_job(self, job_id: str) -> Job:
        """One bulk operation, in all shards that it goes through; one Redis call a shard.

        Raises:
            NotFound: none of that id is kept.
        """
        found = await together(
            self._read_jobs(keys, part, 1)
            for keys, part in zip(self.shards, self.parts_of(job_id), strict=True)
        )
        parts = [job for jobs in found for job in jobs]
        if not parts:
            raise NotFound("No bulk operation of that id is kept. Ended ones are removed after a day.")
        return _whole(parts)

    async def list_jobs(self, limit: int = 50) -> list[Job]:
        """Bulk operations that go on, newest first, then ended ones by their end; at most 100."""
        most = max(1, min(limit, 100))
        families: dict[str, list[Job]] = {}
        for jobs in await together(self._read_jobs(keys, "", most) for keys in self.shards):
            for job in jobs:
                families.setdefault(job.id[1:], []).append(job)
        found = [_whole(parts) for parts in families.values()]
        found.sort(key=lambda job: (job.ended_at is None, job.ended_at or job.created_at), reverse=True)
        return found[:most]

    async def cancel_job(self, job_id: str, *, by: str) -> JobState:
        """End a bulk operation before its time; returns how it has ended, now or before.

        Raises:
            NotFound: none of that id is kept.
        """

        async def cancel(keys: Keys) -> JobState:
            part = ALPHABET[keys.shard] + job_id[1:]
            reply = await self._run(
                "job_cancel",
                job=keys.job(part),
                jobs=keys.jobs,
                timers=keys.timers,
                prefix=keys.prefix,
                id=part,
                by=who(by),
            )
            return JobState(reply[2])

        return _worst(await self._where_known(cancel))

    async def _read_jobs(self, keys: Keys, job_id: str, limit: int) -> list[Job]:
        _, _, flat = await self._run(
            "jobs",
            jobs=keys.jobs,
            prefix=keys.prefix,
            id=job_id,
            limit=str(limit),
            item=_FIELDS,
        )
        return [_job(flat[i], flat[i + 1]) for i in range(0, len(flat), 2)]


#: What an operation is whose parts differ.
_ORDER = (JobState.RUNNING, JobState.STOPPED, JobState.CANCELLED, JobState.DONE)


def _worst(states: Sequence[JobState]) -> JobState:
    return min(states, key=_ORDER.index)


def _whole(parts: list[Job]) -> Job:
    """An operation from its parts, one a shard; it is named after the first."""
    if len(parts) == 1:
        return parts[0]
    state = _worst([part.state for part in parts])
    totals = [part.total for part in parts if part.total is not None]
    ends = [part.ended_at for part in parts if part.ended_at is not None]
    return parts[0].model_copy(
        update={
            "state": state,
            "per_second": parts[0].per_second and round(sum(part.per_second or 0 for part in parts), 6),
            "total": sum(totals) if len(totals) == len(parts) else None,
            "done": sum(part.done for part in parts),
            "skipped": sum(part.skipped for part in parts),
            "missing": sum(part.missing for part in parts),
            "waiting_for": [task_id for part in parts for task_id in part.waiting_for],
            "reason": next((part.reason for part in parts if part.state is state), None),
            "created_at": min(part.created_at for part in parts),
            "updated_at": max(part.updated_at for part in parts),
            "ended_at": None if state is JobState.RUNNING else max(ends),
        }
    )


def _job(job_id: str, values: list[str]) -> Job:
    fields = dict(zip(_FIELDS, values, strict=True))
    pace, total = float(fields["pace"]), int(fields["total"])
    return Job(
        id=job_id,
        kind=JobKind(fields["kind"]),
        state=JobState(fields["state"]),
        by=fields["by"],
        fingerprint=fields["group"] or None,
        queue=fields["queue"] or None,
        task_type=fields["type"] or None,
        statuses=[LETTERS[letter] for letter in fields["states"]],
        first=int(fields["first"]),
        per_second=round(1000 / pace, 6) if pace else None,
        total=total if total >= 0 else None,
        done=int(fields["done"]),
        skipped=int(fields["skipped"]),
        missing=int(fields["missing"]),
        waiting_for=fields["canary"].split(),
        reason=fields["reason"] or None,
        created_at=instant(float(fields["created"])),
        updated_at=instant(float(fields["updated"])),
        ended_at=instant(float(fields["ended"])) if fields["ended"] else None,
    )


def _check(wanted: JobFilter, pace: JobPace) -> None:
    for field, value in (
        ("fingerprint", wanted.fingerprint),
        ("queue", wanted.queue),
        ("task_type", wanted.task_type),
    ):
        if value is not None and not NAME.fullmatch(value):
            raise InvalidInput(field, f"{value[:80]!r} is no name.", "Use letters, digits, '.', '_', '-'.")
    if not wanted.statuses <= WAITING_STATUSES:
        raise InvalidInput("statuses", "holds one that does not wait.", "Use pending, scheduled, retrying.")
    if not 0 <= pace.first <= MAX_FIRST:
        raise InvalidInput("first", f"is {pace.first}.", f"Send 0 to {MAX_FIRST}.")
    if pace.per_second is not None and not 0.01 <= pace.per_second <= MAX_PER_SECOND:
        raise InvalidInput("per_second", f"is {pace.per_second}.", f"Send 0.01 to {MAX_PER_SECOND:g}.")

"""Bulk operations: what an operator may ask to be done to many tasks, and how far it is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from shared.lazy import LazyModel
from shared.models import TaskStatus

#: Tasks that may go first while the rest waits for their end.
MAX_FIRST = 10
MAX_PER_SECOND = 1_000.0


class JobKind(StrEnum):
    """What becomes of the tasks."""

    REQUEUE = "requeue"
    """Dead tasks begin a new series of attempts."""
    DELETE = "delete"
    """Dead tasks are removed with all that is stored of them."""
    PURGE = "purge"
    """Tasks that wait in a queue are removed with all that is stored of them."""
    CANCEL = "cancel"
    """Tasks that wait end as cancelled."""


class JobState(StrEnum):
    """How far a bulk operation is."""

    RUNNING = "running"
    """It goes on, or waits for its pace or for those that went first."""
    DONE = "done"
    """Every task that was meant has been looked at."""
    CANCELLED = "cancelled"
    """Ended by request; what it did stays done."""
    STOPPED = "stopped"
    """One of those that went first did not complete; the rest was left alone."""


class JobFilter(NamedTuple):
    """Which tasks are meant; None stands for any.

    Attributes:
        fingerprint: of the error of dead tasks.
        queue: where they are.
        task_type: of which type.
        statuses: of those that wait, for cancel and purge: scheduled, pending, retrying.
    """

    fingerprint: str | None = None
    queue: str | None = None
    task_type: str | None = None
    statuses: frozenset[TaskStatus] = frozenset()


class JobPace(NamedTuple):
    """How fast a requeue goes.

    Attributes:
        first: so many go first, 0 to 10; the rest only when all of them have completed.
        per_second: tasks a second for the rest, on average; None for as fast as it goes.
    """

    first: int = 0
    per_second: float | None = None


class Job(LazyModel):
    """A bulk operation as it is now; times are the server's."""

    id: str
    kind: JobKind
    state: JobState
    by: str
    fingerprint: str | None
    queue: str | None
    task_type: str | None
    statuses: list[TaskStatus]
    first: int
    """Tasks that are still to go first."""
    per_second: float | None
    total: int | None
    """Tasks at most, as counted at the beginning; None when no index tells."""
    done: int
    skipped: int
    """Left alone: a live task has their unique key."""
    missing: int
    """Were listed, but nothing is stored of them."""
    waiting_for: list[str]
    """Those that went first and have not ended; the rest waits for them."""
    reason: str | None
    """Why it ended before its time."""
    created_at: datetime
    updated_at: datetime
    ended_at: datetime | None


class DueJob(NamedTuple):
    """A bulk operation that an exchange or a tick hands out: its id and the number of its next slice."""

    id: str
    number: int


class SliceReply(NamedTuple):
    """What a slice came to.

    Attributes:
        state: running, an end, `stale` (another did this slice) or `gone`.
        number: of the last slice that was done.
        next_ms: 0 for at once, else the server's ms when its timer comes.
    """

    state: str
    number: int
    next_ms: int

    @property
    def goes_on(self) -> bool:
        """Whether the next slice may be done at once, by the same caller."""
        return self.state == "running" and self.next_ms == 0


def read_due_jobs(flat: Sequence[str]) -> list[DueJob]:
    """Those among what an exchange or a tick hands out; the others are schedules."""
    return [DueJob(flat[i][2:], int(flat[i + 1])) for i in range(0, len(flat), 3) if flat[i][:2] == "j:"]

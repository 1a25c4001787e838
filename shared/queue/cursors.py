"""Cursors of task lists: where a page ended, and the filter that it was made for."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from shared.errors import CursorMismatch, InvalidInput
from shared.keys import MAX_SHARDS
from shared.models import NAME, TERMINAL_STATUSES, Task, TaskStatus
from shared.queue.merging import Spot

#: The order in which a list goes through the indexes.
_KINDS = ("named", "running", "pending", "parked", "timers", "done", "group")
#: Kinds of index by the status of what they hold.
_OF: dict[TaskStatus, set[str]] = {
    TaskStatus.WAITING: set(),
    TaskStatus.SCHEDULED: {"timers"},
    TaskStatus.RETRYING: {"timers"},
    TaskStatus.PENDING: {"pending", "parked"},
    TaskStatus.RUNNING: {"running"},
    **{status: {"done"} for status in TERMINAL_STATUSES},
}
_NAMED = re.compile(rf"(pending|parked):{NAME.pattern}|parked:{NAME.pattern}:{NAME.pattern}")
_SCORE = re.compile(r"(\d{1,20}(\.\d{1,20})?(e\+\d{1,2})?)?", re.ASCII)
_AFTER = re.compile(r"[0-9a-z]{0,64}")
#: A limit key of 200 characters, escaped, and what follows it.
MAX_MEMBER = 2_500
#: Of a spot, which is of tasks alone; 32 of them must fit into an address.
MAX_SPOT_MEMBER = 64
MAX_SKIP = 1_000_000_000
#: Characters of a cursor.
MAX_TEXT = 6_000


class TaskFilter(NamedTuple):
    """Which tasks a page shows; None stands for any.

    Attributes:
        status: present status.
        queue: where it was submitted to.
        task_type: registered name.
        created_after_ms: submitted then or later, ms since 1970.
        created_before_ms: submitted earlier.
        priority: 1 to 10; of pending tasks, whose indexes are sorted by it.
        worker: that holds it; of running tasks.
        fingerprint: of what killed it; of dead tasks, listed by id.
        schedule: the last ten times of this schedule.
        key: idempotency key or unique key in `queue`: what was submitted with the one, what has the other now.
    """

    status: TaskStatus | None = None
    queue: str | None = None
    task_type: str | None = None
    created_after_ms: int | None = None
    created_before_ms: int | None = None
    priority: int | None = None
    worker: str | None = None
    fingerprint: str | None = None
    schedule: str | None = None
    key: str | None = None

    def check(self) -> None:
        """Refuse what no index answers.

        Raises:
            InvalidInput: a field asks for another one, which is not there.
        """
        for name, status in _ONLY_OF.items():
            if getattr(self, name) is not None and self.status is not status:
                raise InvalidInput(
                    name,
                    f"is known of {status} tasks alone.",
                    f"Send status={status} with it, or leave it out.",
                )
        if self.key is not None and self.queue is None:
            raise InvalidInput("key", "belongs to a queue.", "Send queue with it, or leave it out.")
        if self.key is not None and self.schedule is not None:
            raise InvalidInput("key", "and schedule exclude each other.", "Leave one of them out.")

    @property
    def is_named(self) -> bool:
        """Whether something names the few tasks that are wanted."""
        return self.schedule is not None or self.key is not None

    def takes(self, task: Task) -> bool:
        """Whether a task that was named has what else is asked for."""
        created_ms = round(task.created_at.timestamp() * 1000)
        return (
            self.status in (None, task.status)
            and self.queue in (None, task.queue)
            and self.task_type in (None, task.task_type)
            and (self.created_after_ms or 0) <= created_ms
            and (self.created_before_ms is None or created_ms < self.created_before_ms)
            and self.priority in (None, task.priority)
            and self.worker in (None, task.worker)
            and self.fingerprint in (None, task.fingerprint)
        )

    @property
    def can_match(self) -> bool:
        """Whether there can be such a task."""
        after, before = self.created_after_ms, self.created_before_ms
        return after is None or before is None or after < before


ANY_TASK = TaskFilter()
#: What only tasks of one status are indexed by.
_ONLY_OF = {"priority": TaskStatus.PENDING, "worker": TaskStatus.RUNNING, "fingerprint": TaskStatus.DEAD}
#: Places whose position is the id of the last task.
_BY_ID = ("named", "running", "group")


class Cursor(NamedTuple):
    """Where a page ended.

    Attributes:
        place: the index.
        position: the score there; the id, of running tasks.
        member: the last of that score that was looked at; empty for the start of the index.
        skip: how many of that score were.
        spots: the same for each shard, of an index that several have; None for one that has ended.
    """

    place: str
    position: str = ""
    member: str = ""
    skip: int = 0
    spots: Sequence[Spot | None] = ()

    @property
    def places(self) -> list[Spot]:
        """All spots that it names."""
        return [Spot(self.position, self.member, self.skip), *(spot for spot in self.spots if spot)]


def rank(index: str) -> tuple[int, str]:
    """Where an index stands among all."""
    kind = index if index in _KINDS else index.partition(":")[0]
    return _KINDS.index(kind), index


def write_cursor(cursor: Cursor, wanted: TaskFilter) -> str:
    """The text that a client gets."""
    words = cursor if cursor.spots else cursor[:4]
    text = json.dumps([*words, _said(wanted)], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_cursor(text: str, wanted: TaskFilter) -> Cursor:
    """What a client sent back.

    Raises:
        InvalidInput: it is none of ours.
        CursorMismatch: it was made for other filters.
    """
    try:
        *parts, said = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        spots = [None if spot is None else Spot(*spot) for spot in (parts[4] if len(parts) > 4 else ())]
        cursor = Cursor(*parts[:4])._replace(spots=spots)
        is_ours = len(parts) <= 5 and isinstance(said, dict) and _is_place(cursor)
    except (binascii.Error, ValueError, TypeError, RecursionError):
        is_ours = False
    if not is_ours:
        raise alien_cursor()
    _check_filter(said, _said(wanted))
    if not _fits(cursor.place, wanted):
        raise alien_cursor()
    return cursor


def alien_cursor() -> InvalidInput:
    """What is said of a text that no page gave."""
    return InvalidInput("cursor", "is none of ours.", "Use next_cursor of the page before, unchanged.")


def _fits(place: str, wanted: TaskFilter) -> bool:
    """Whether a list with such a filter goes through the index: a forged cursor must not lead elsewhere."""
    if wanted.is_named or wanted.fingerprint is not None:
        return place == ("named" if wanted.is_named else "group")
    kind, _, rest = place.partition(":")
    if kind in ("pending", "parked") and wanted.queue not in (None, rest.partition(":")[0]):
        return False
    kinds = (
        {"running", "pending", "parked", "timers", "done"} if wanted.status is None else _OF[wanted.status]
    )
    return kind in kinds


def _said(wanted: TaskFilter) -> dict[str, str | int]:
    """The filters that are set, by the names of the query parameters."""
    return {name.removesuffix("_ms"): value for name, value in wanted._asdict().items() if value is not None}


def _check_filter(made_for: dict[str, Any], sent: dict[str, str | int]) -> None:
    differing = sorted(name for name in {*made_for, *sent} & _FILTERS if made_for.get(name) != sent.get(name))
    if differing:
        names = ", ".join(differing)
        raise CursorMismatch(
            "cursor",
            f"was made for another {names}.",
            "Send it with the filters of its own page, or leave it out to begin anew.",
        )


_FILTERS = {name.removesuffix("_ms") for name in TaskFilter._fields}


def _is_place(cursor: Cursor) -> bool:
    """Whether a cursor names one of our indexes: it comes from outside and ends in a key name."""
    if not isinstance(cursor.place, str) or not all(map(_is_spot, cursor.places)):
        return False
    if cursor.place in _BY_ID:
        return _AFTER.fullmatch(cursor.position) is not None
    is_known = cursor.place in _KINDS or _NAMED.fullmatch(cursor.place) is not None
    return (
        is_known
        and cursor.place not in ("pending", "parked")
        and len(cursor.spots) <= MAX_SHARDS
        and all(_SCORE.fullmatch(spot.score) for spot in cursor.places)
    )


def _is_spot(spot: Spot) -> bool:
    return (
        isinstance(spot.score, str)
        and isinstance(spot.member, str)
        and len(spot.member) <= MAX_MEMBER
        and type(spot.skip) is int
        and 0 <= spot.skip < MAX_SKIP
    )

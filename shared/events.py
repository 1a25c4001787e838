"""Events as they are read: one entry per script call, with counts, and with ids as far as they fit.

An event is a notification. It says how many tasks of which queues came into which status, and names the
first 20 of them; who follows one task reads its record.

Each shard has a feed of its own. A cursor names a place in each, its marks in the order of the shards, joined by
dots: one mark alone where there is one shard. A queue lives in one shard, so its events are always in order; events
of several shards are put in order by their time as far as one read has them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from shared.keys import MAX_SHARDS
from shared.models import LETTERS, TaskStatus, instant

#: The mark of an empty feed.
START = "0-0"
_MARK = r"[0-9]{1,15}-[0-9]{1,15}"
_ONE_MARK = re.compile(_MARK)
_CURSOR = re.compile(rf"{_MARK}(\.{_MARK}){{0,{MAX_SHARDS - 1}}}")


class Event(NamedTuple):
    """What one script call changed.

    Attributes:
        id: its mark: the place in the feed of its shard.
        counts: queue -> status -> tasks that came into it.
        tasks: id and new status of the first 20.
        omitted: tasks that are counted and not named.
        shard: where it happened.
        kept_from: what was before this mark is trimmed, if it is another than `START`.
    """

    id: str
    counts: Mapping[str, Mapping[TaskStatus, int]]
    tasks: Sequence[tuple[str, TaskStatus]]
    omitted: int
    shard: int = 0
    kept_from: str = START

    @property
    def at(self) -> datetime:
        """When it happened, by the server's clock."""
        return instant(position(self.id)[0])


class EventPage(NamedTuple):
    """Some events, and where the next ones begin.

    Attributes:
        events: in order.
        cursor: behind all of them; where to go on.
        has_more: whether others follow already.
        is_gap: events between the asked cursor and `cursor` are not kept any more; `events` is empty.
    """

    events: list[Event]
    cursor: str
    has_more: bool = False
    is_gap: bool = False


def is_mark(value: object) -> bool:
    """Whether a value is the id of an entry."""
    return isinstance(value, str) and _ONE_MARK.fullmatch(value) is not None


def is_cursor(text: str) -> bool:
    """Whether a text has the form of a cursor."""
    return _CURSOR.fullmatch(text) is not None


def marks_of(cursor: str) -> list[str]:
    """The marks of a cursor, one for each shard."""
    return cursor.split(".")


def cursor_of(marks: Iterable[str]) -> str:
    """The cursor that has these marks."""
    return ".".join(marks)


def position(mark: str) -> tuple[int, int]:
    """What marks are compared by: ms, and the number within it."""
    ms, _, number = mark.partition("-")
    return int(ms), int(number)


def newest_ms(cursor: str) -> int:
    """When the newest event before a cursor happened, ms."""
    return max(position(mark)[0] for mark in marks_of(cursor))


def is_behind(cursor: str, event: Event) -> bool:
    """Whether a cursor is behind an event: who has come to it has seen the event."""
    return position(event.id) <= position(marks_of(cursor)[event.shard])


def is_before(cursor: str, other: str) -> bool:
    """Whether a cursor is nowhere behind another."""
    pairs = zip(marks_of(cursor), marks_of(other), strict=True)
    return all(position(one) <= position(two) for one, two in pairs)


def later(cursor: str, other: str) -> str:
    """The cursor that is behind all that either is behind."""
    pairs = zip(marks_of(cursor), marks_of(other), strict=True)
    return cursor_of(max(pair, key=position) for pair in pairs)


def moved(cursor: str, *events: Event) -> str:
    """The cursor that is behind these events, too."""
    marks = marks_of(cursor)
    for event in events:
        marks[event.shard] = max(marks[event.shard], event.id, key=position)
    return cursor_of(marks)


def read_event(entry_id: str, fields: Mapping[str, str], shard: int = 0) -> Event:
    """An event from its entry, see `scripts/lib/events.lua`.

    `c` has `<queue>:<status letter>:<count> …`, `i` has `<id>:<letter> …`, `f` a mark.
    """
    counts: dict[str, dict[TaskStatus, int]] = {}
    total = 0
    for part in fields["c"].split():
        queue, letter, count = part.split(":")
        counts.setdefault(queue, {})[LETTERS[letter]] = int(count)
        total += int(count)
    tasks = [
        (task_id, LETTERS[letter]) for task_id, letter in (part.split(":") for part in fields["i"].split())
    ]
    return Event(entry_id, counts, tasks, max(0, total - len(tasks)), shard, fields.get("f", START))

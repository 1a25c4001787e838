"""Events as they are read: one entry per script call, with counts, and with ids as far as they fit.

An event is a notification. It says how many tasks of which queues came into which status, and names the
first 20 of them; who follows one task reads its record.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from shared.models import LETTERS, TaskStatus, instant

#: The cursor of an empty feed.
START = "0-0"
_CURSOR = re.compile(r"[0-9]{1,15}-[0-9]{1,15}")


class Event(NamedTuple):
    """What one script call changed.

    Attributes:
        id: place in the feed; a cursor.
        counts: queue -> status -> tasks that came into it.
        tasks: id and new status of the first 20.
        omitted: tasks that are counted and not named.
    """

    id: str
    counts: Mapping[str, Mapping[TaskStatus, int]]
    tasks: Sequence[tuple[str, TaskStatus]]
    omitted: int

    @property
    def at(self) -> datetime:
        """When it happened, by the server's clock."""
        return instant(position(self.id)[0])


class EventPage(NamedTuple):
    """Some events, and where the next ones begin.

    Attributes:
        events: in order.
        cursor: of the last one; where to go on.
        has_more: whether others follow already.
        is_gap: events between the asked cursor and `cursor` are not kept any more; `events` is empty.
    """

    events: list[Event]
    cursor: str
    has_more: bool = False
    is_gap: bool = False


def is_cursor(text: str) -> bool:
    """Whether a text has the form of a cursor."""
    return _CURSOR.fullmatch(text) is not None


def position(cursor: str) -> tuple[int, int]:
    """What cursors are compared by: ms, and the number within it."""
    ms, _, number = cursor.partition("-")
    return int(ms), int(number)


def read_event(entry_id: str, fields: Mapping[str, str]) -> Event:
    """An event from its entry: `c` has `<queue>:<status letter>:<count> …`, `i` has `<id>:<letter> …`."""
    counts: dict[str, dict[TaskStatus, int]] = {}
    total = 0
    for part in fields["c"].split():
        queue, letter, count = part.split(":")
        counts.setdefault(queue, {})[LETTERS[letter]] = int(count)
        total += int(count)
    tasks = [
        (task_id, LETTERS[letter]) for task_id, letter in (part.split(":") for part in fields["i"].split())
    ]
    return Event(entry_id, counts, tasks, max(0, total - len(tasks)))

"""The feed of events: from a cursor on, without a gap, or with the word that there is one."""

from __future__ import annotations

from typing import Any, NamedTuple

from shared.errors import InvalidInput, StoreUnavailable
from shared.events import (
    START,
    Event,
    EventPage,
    cursor_of,
    is_cursor,
    is_mark,
    marks_of,
    position,
    read_event,
)
from shared.keys import Keys
from shared.queue.base import QueueBase, together
from shared.transports.base import WAIT_COUNT

#: Entries that are kept at least of each shard; the stream is trimmed beyond.
KEPT = 10_000
#: With fewer none was ever trimmed for their number: a few may have been taken back since, see `scripts/lib/moment.lua`.
UNTRIMMED = KEPT - 1_000
#: The field of `queues` that is there once they may have been trimmed for what was taken back.
_KEPT_FROM = "*:f"


class _Part(NamedTuple):
    """What one shard gave; see `EventPage`."""

    events: list[Event]
    mark: str
    has_more: bool = False
    is_gap: bool = False


class Feed(QueueBase):
    """Operations that read what has changed."""

    @property
    def start(self) -> str:
        """The cursor before everything."""
        return cursor_of([START] * len(self.shards))

    def check_cursor(self, cursor: str) -> None:
        """Let a cursor of this namespace through.

        Raises:
            InvalidInput: it has another form, or names another number of shards.
        """
        if not is_cursor(cursor) or len(marks_of(cursor)) != len(self.shards):
            raise InvalidInput("after", "is no cursor.", "Send a cursor of an answer, unchanged.")

    async def newest_event(self) -> str:
        """The cursor of now: nothing that has happened comes after it; one Redis call a shard."""
        return cursor_of(await together(self._newest_in(keys) for keys in self.shards))

    async def events_after(self, cursor: str, limit: int = 500) -> EventPage:
        """Events after a cursor, oldest first; one Redis call a shard, and up to two more where a gap is looked for.

        The entry of each mark itself is read, too: as long as it is kept, nothing after it was trimmed.

        Args:
            cursor: of an answer.
            limit: events at most, divided among the shards; each gives one at least.

        Raises:
            InvalidInput: the cursor is none of this namespace.
        """
        self.check_cursor(cursor)
        most = max(1, limit // len(self.shards))
        parts = await together(
            self._part_after(keys, mark, most)
            for keys, mark in zip(self.shards, marks_of(cursor), strict=True)
        )
        following = cursor_of(part.mark for part in parts)
        has_more = any(part.has_more for part in parts)
        if any(part.is_gap for part in parts):
            # Who reads the state anew needs nothing of what was before.
            return EventPage([], following, has_more, is_gap=True)
        events = [event for part in parts for event in part.events]
        if len(parts) > 1:
            events.sort(key=lambda event: (position(event.id)[0], event.shard, position(event.id)[1]))
        return EventPage(events, following, has_more)

    async def events_wait(self, cursor: str, timeout_ms: int, shard: int = 0) -> EventPage:
        """Events of one shard after a cursor as soon as there is one, or none in time; over TCP only.

        Raises:
            StoreError: the connection was lost; look with `events_after` first.
        """
        keys, marks = self.shards[shard], marks_of(cursor)
        self.calls += 1
        entries = await self.transport.wait(keys.events, marks[shard], timeout_ms)
        events = [read_event(entry_id, fields, shard) for entry_id, fields in entries]
        # A stream that is trimmed for its length still has thousands of entries: only a full batch can hide a gap.
        may_hide = len(entries) >= WAIT_COUNT or _tell_of_trimming(events)
        if may_hide and not await self._is_kept(keys, marks[shard]):
            marks[shard] = await self._newest_in(keys)
            return EventPage([], cursor_of(marks), is_gap=True)
        if events:
            marks[shard] = events[-1].id
        return EventPage(_told(events), cursor_of(marks))

    async def _newest_in(self, keys: Keys) -> str:
        newest = _entries(await self._command("XREVRANGE", keys.events, "+", "-", "COUNT", "1"))
        return newest[0][0] if newest else START

    async def _part_after(self, keys: Keys, mark: str, limit: int) -> _Part:
        entries = _entries(await self._command("XRANGE", keys.events, mark, "+", "COUNT", str(limit + 2)))
        events = [_event(entry, keys.shard) for entry in entries]
        if mark == START:
            is_all = len(events) <= limit and not _tell_of_trimming(events)
            is_whole = is_all or await self._is_kept(keys, mark)
        else:
            is_whole = bool(events) and events[0].id == mark
            events = events[1:]
        if not is_whole:
            return _Part([], await self._newest_in(keys), is_gap=True)
        has_more = len(events) > limit
        events = events[:limit]
        return _Part(_told(events), events[-1].id if events else mark, has_more)

    async def _is_kept(self, keys: Keys, mark: str) -> bool:
        if mark == START:
            is_short = await self._command("XLEN", keys.events) < UNTRIMMED
            return is_short and not await self._command("HEXISTS", keys.queues, _KEPT_FROM)
        return bool(await self._command("XRANGE", keys.events, mark, mark))


def _told(events: list[Event]) -> list[Event]:
    """Without those that tell nothing: the ids were moved past the tasks of a call, see `scripts/lib/order.lua`."""
    return [event for event in events if event.counts]


def _tell_of_trimming(events: list[Event]) -> bool:
    return any(event.kept_from != START for event in events)


def _entries(reply: Any) -> list[tuple[str, Any]]:
    """The entries of a reply: id and fields each. A cursor is made of ids, so nothing else may pass for one.

    Raises:
        StoreUnavailable: it is something else.
    """
    if not isinstance(reply, list) or not all(_is_entry(entry) for entry in reply):
        raise StoreUnavailable(f"Redis answered nonsense instead of events: {str(reply)[:80]!r}")
    return [(entry[0], entry[1]) for entry in reply]


def _is_entry(entry: Any) -> bool:
    return isinstance(entry, list | tuple) and len(entry) == 2 and is_mark(entry[0])


def _event(entry: Any, shard: int) -> Event:
    """From one entry: its fields are a mapping over TCP, and flat over REST."""
    entry_id, fields = entry
    if not isinstance(fields, dict):
        fields = dict(zip(fields[::2], fields[1::2], strict=True))
    return read_event(entry_id, fields, shard)

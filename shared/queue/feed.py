"""The feed of events: from a cursor on, without a gap, or with the word that there is one."""

from __future__ import annotations

from typing import Any

from shared.errors import InvalidInput
from shared.events import START, Event, EventPage, is_cursor, read_event
from shared.queue.base import QueueBase
from shared.transports.base import WAIT_COUNT

#: Entries that are kept at least; the stream is trimmed beyond.
KEPT = 10_000


class Feed(QueueBase):
    """Operations that read what has changed."""

    async def newest_event(self) -> str:
        """The cursor of now: nothing that has happened comes after it; one Redis call."""
        newest = await self._command("XREVRANGE", self.keys.events, "+", "-", "COUNT", "1")
        return str(newest[0][0]) if newest else START

    async def events_after(self, cursor: str, limit: int = 500) -> EventPage:
        """Events after a cursor, oldest first; one Redis call, and one more where a gap is found.

        The entry of the cursor itself is read, too: as long as it is kept, nothing after it was trimmed.

        Raises:
            InvalidInput: the cursor has another form.
        """
        if not is_cursor(cursor):
            raise InvalidInput("after", "is no cursor.", "Send a cursor of an answer, unchanged.")
        entries = await self._command("XRANGE", self.keys.events, cursor, "+", "COUNT", str(limit + 2))
        events = [_event(entry) for entry in entries]
        if cursor == START:
            is_whole = len(events) <= limit or await self._command("XLEN", self.keys.events) < KEPT
        else:
            is_whole = bool(events) and events[0].id == cursor
            events = events[1:]
        if not is_whole:
            return EventPage([], await self.newest_event(), is_gap=True)
        has_more = len(events) > limit
        events = events[:limit]
        return EventPage(events, events[-1].id if events else cursor, has_more)

    async def events_wait(self, cursor: str, timeout_ms: int) -> EventPage:
        """Events after a cursor as soon as there is one, or none when the time has passed; over TCP only.

        Raises:
            StoreError: the connection was lost; look with `events_after` first.
        """
        entries = await self.transport.wait(self.keys.events, cursor, timeout_ms)
        self.calls += 1
        # A trimmed stream still has thousands of entries: only a full batch can hide a gap.
        if len(entries) >= WAIT_COUNT and not await self._is_kept(cursor):
            return EventPage([], await self.newest_event(), is_gap=True)
        events = [read_event(entry_id, fields) for entry_id, fields in entries]
        return EventPage(events, events[-1].id if events else cursor)

    async def _is_kept(self, cursor: str) -> bool:
        if cursor == START:
            return bool(await self._command("XLEN", self.keys.events) < KEPT)
        return bool(await self._command("XRANGE", self.keys.events, cursor, cursor))


def _event(entry: Any) -> Event:
    """From one entry: its fields are a mapping over TCP, and flat over REST."""
    entry_id, fields = entry
    if not isinstance(fields, dict):
        fields = dict(zip(fields[::2], fields[1::2], strict=True))
    return read_event(entry_id, fields)

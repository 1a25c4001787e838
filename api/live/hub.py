"""One reader of the feed per instance, whatever the number of viewers, and none without viewers.

Problem: each viewer that read the feed by itself would cost as much as all others together.
Idea: the hub reads it once and remembers the newest events (`_recent`, all that came after `_floor`). A viewer
whose cursor lies in there costs nothing; one that comes from further back reads what it lacks by itself, page
by page, until it has caught up. Over TCP the reader blocks on the stream of each shard; over REST it looks at a pace.
Rule for callers: `open` a viewer, take `batches`, `close` it. For a single look: `poll`.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

from api.errors import TooManyViewers
from api.live.pace import BUSY_S, Pace
from api.live.viewer import Reset, Signal, Viewer
from api.replies import readable_reply
from shared.errors import StoreError
from shared.events import Event, EventPage, is_before, is_behind, later, moved, newest_ms
from shared.queue import TaskQueue

_log = logging.getLogger(__name__)

#: Events that are remembered: what a viewer may lack without a call of its own.
REMEMBERED = 1_000
#: Entries of one read.
PAGE = 500
#: Open streams of one instance; a platform gives it 1,024 file descriptors for everything.
MAX_VIEWERS = 500
#: How long one wait on the stream blocks; the reader outlives its last viewer by this at most.
BLOCK_MS = 25_000
_BACKOFF_S = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
#: A look is shared by those who ask within this part of the pace, and one viewer alone always gets a new one.
_SHARED = 0.9


class Look(NamedTuple):
    """What a poll is answered with.

    Attributes:
        page: the events after the caller's cursor.
        again_s: when to ask again; at once when others follow already.
    """

    page: EventPage
    again_s: float


class EventHub:
    """The feed of one instance and event loop.

    Args:
        feed: reads Redis; nobody else uses it.
        pace: tells how often to read now, where reads cannot block.
        can_block: whether the transport can wait on the stream.
    """

    def __init__(self, feed: TaskQueue, pace: Callable[[], Pace], *, can_block: bool) -> None:
        self._feed = feed
        self._pace = pace
        self._can_block = can_block
        self._cursor: str | None = None
        self._floor = ""
        self._recent: deque[Event] = deque()
        self._read_at = float("-inf")
        self._opened: set[Viewer] = set()
        self._viewers: set[Viewer] = set()
        self._reader: asyncio.Task[None] | None = None
        self._waits: dict[int, asyncio.Task[EventPage]] = {}
        self._turn = asyncio.Lock()
        self._hurry = asyncio.Event()
        self._trouble: str | None = None
        self._is_closed = False

    @property
    def calls(self) -> int:
        """Redis calls that viewers have caused on this instance."""
        return self._feed.calls

    @property
    def is_reading(self) -> bool:
        """Whether a reader is at work."""
        return self._reader is not None and not self._reader.done()

    def pace_s(self, is_calm: bool = False) -> float:
        """Seconds between looks now.

        Args:
            is_calm: nobody needs more than the slow pace.
        """
        newest = newest_ms(self._cursor) if self._cursor else 0
        is_busy = time.time() * 1000 - newest < BUSY_S * 1000
        pace = self._pace()
        return pace.busy_s if is_busy and not is_calm else pace.idle_s

    async def poll(self, after: str | None, *, is_calm: bool = False) -> Look:
        """The events after a cursor, from what is remembered where that is young enough; none without one.

        Raises:
            InvalidInput: the cursor is none of this namespace.
            StoreError: Redis does not answer.
        """
        if after is None:
            page = EventPage([], await self._now())
        else:
            self._feed.check_cursor(after)
            page = await self._look(after, _SHARED * self.pace_s(is_calm))
        again_s = 0.0 if page.has_more else self.pace_s(is_calm)
        return Look(page, again_s)

    async def open(self, after: str | None, *, is_calm: bool = False) -> Viewer:
        """A viewer from a cursor on, or from now on; it gets nothing before `batches` is asked.

        Raises:
            InvalidInput: the cursor is none of this namespace.
            StoreError: Redis does not answer.
            TooManyViewers: the instance serves no more.
        """
        if len(self._opened) >= MAX_VIEWERS or self._is_closed:
            raise TooManyViewers(f"This instance serves {MAX_VIEWERS} event streams and no more.")
        if after is not None:
            self._feed.check_cursor(after)
        viewer = Viewer(self, after or self._feed.start, is_calm)
        self._opened.add(viewer)
        try:
            if after is None:
                viewer.cursor = await self._now()
            elif not self._covers(after):
                page = await self._read_page(after)
                viewer.push(Reset(page.cursor) if page.is_gap else page.events)
                if not page.has_more and not self._viewers:
                    self._adopt(after, page)
        except BaseException:
            self.leave(viewer)
            raise
        return viewer

    async def join(self, viewer: Viewer) -> Sequence[Event] | Reset:
        """Let a viewer hear of what comes; returns what it lacks before, or a part of it.

        It has joined once nothing is returned.
        """
        if self._cursor is None or not is_before(self._floor, viewer.cursor):
            page = await self._read_page(viewer.cursor)
            if page.is_gap:
                return Reset(page.cursor)
            if page.events:
                return page.events
        if not self._viewers and not self._covers(viewer.cursor):
            self._adopt(viewer.cursor, EventPage([], viewer.cursor))
        lacking = [event for event in self._recent if not is_behind(viewer.cursor, event)]
        if not lacking:
            self._viewers.add(viewer)
            self._hurry.set()
            if not self.is_reading:
                self._reader = asyncio.get_running_loop().create_task(self._read_for_viewers())
        return lacking

    def leave(self, viewer: Viewer) -> None:
        """Forget a viewer; without any the reader ends by itself."""
        self._opened.discard(viewer)
        self._viewers.discard(viewer)
        if not self._viewers:
            self._hurry.set()

    async def close(self) -> None:
        """End all streams and the reader: the server stops."""
        self._is_closed = True
        self._send_away()
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.wait([self._reader])

    def _covers(self, cursor: str) -> bool:
        """Whether all that came after a cursor is remembered, or will be read next."""
        if self._cursor is None:
            return False
        return is_before(self._floor, cursor) and is_before(cursor, self._cursor)

    @property
    def _is_live(self) -> bool:
        """Whether a reader that blocks has everything at once."""
        return self._can_block and self.is_reading and self._trouble is None

    async def _look(self, after: str, max_age_s: float) -> EventPage:
        if self._covers(after) and not self._is_live:
            await self._refresh(max_age_s)
        if not self._covers(after):  # not remembered, or not any more
            page = await self._read_page(after)
            if not page.has_more and not self._viewers:
                self._adopt(after, page)
            return page
        lacking = [event for event in self._recent if not is_behind(after, event)]
        events = lacking[:PAGE]
        return EventPage(events, moved(after, *events), len(lacking) > len(events))

    async def _now(self) -> str:
        """The cursor of now, at most a pace old."""
        is_young = self._is_live or _clock() - self._read_at < self.pace_s()
        if self._cursor is None or self._trouble is not None or not is_young:
            with readable_reply():
                newest = await self._feed.newest_event()
            if self._viewers:
                return newest
            self._adopt(newest, EventPage([], newest))
        assert self._cursor is not None
        return self._cursor

    async def _read_page(self, after: str) -> EventPage:
        with readable_reply():
            return await self._feed.events_after(after, PAGE)

    def _adopt(self, after: str, page: EventPage) -> None:
        """Begin anew from what somebody has read to its end."""
        self._floor = page.cursor if page.is_gap else after
        self._cursor = page.cursor
        self._recent.clear()
        self._remember(page.events)
        self._read_at = _clock()

    def _remember(self, events: Sequence[Event]) -> None:
        for event in events:
            if len(self._recent) == REMEMBERED:
                self._floor = moved(self._floor, self._recent.popleft())
            self._recent.append(event)

    def _take(self, page: EventPage) -> None:
        """Pass on what was read."""
        news: Sequence[Event] | Reset
        if page.is_gap:
            cursor = later(self._cursor or self._feed.start, page.cursor)
            self._adopt(cursor, EventPage([], cursor))
            news = Reset(cursor)
        else:
            seen = self._cursor or self._feed.start
            # A poll may have read the same while the reader waited.
            news = [event for event in page.events if not is_behind(seen, event)]
            self._remember(news)
            self._cursor = later(seen, page.cursor)
            self._read_at = _clock()
        if news:
            for viewer in self._viewers:
                viewer.push(news)

    async def _refresh(self, max_age_s: float) -> None:
        """Read what is new, unless somebody has done so within `max_age_s`."""
        async with self._turn:
            if self._trouble is None and _clock() - self._read_at < max_age_s:
                return
            while True:
                assert self._cursor is not None
                page = await self._read_page(self._cursor)
                self._take(page)
                if not page.has_more:
                    return

    async def _read_for_viewers(self) -> None:
        """Read as long as there are viewers; whatever happens, none of them is left without a reader."""
        failures = 0
        try:
            while self._viewers:
                try:
                    if failures:
                        await self._refresh(0)
                        self._tell_recovery()
                    await (self._block() if self._can_block else self._wait_and_look())
                except StoreError as error:
                    self._tell_trouble(error)
                    await self._sleep(_BACKOFF_S[min(failures, len(_BACKOFF_S) - 1)])
                    failures += 1
                else:
                    failures = 0
        except asyncio.CancelledError:
            raise
        except Exception:
            _log.exception("defect in the reader of events; its viewers are sent away")
            self._send_away()
        finally:
            for wait in self._waits.values():
                wait.cancel()
            self._waits.clear()

    def _send_away(self) -> None:
        """End all streams."""
        for viewer in self._opened:
            viewer.end()
        self._opened.clear()
        self._viewers.clear()
        self._hurry.set()

    async def _block(self) -> None:
        """Wait on the feeds of all shards until one of them has something, or its time has passed."""
        for shard in range(len(self._feed.shards)):
            if shard not in self._waits:
                self._waits[shard] = asyncio.ensure_future(self._wait_on(shard))
        done, _ = await asyncio.wait(self._waits.values(), return_when=asyncio.FIRST_COMPLETED)
        ended = {shard: wait for shard, wait in self._waits.items() if wait in done}
        for shard in ended:
            del self._waits[shard]
        for wait in ended.values():
            self._take(wait.result())

    async def _wait_on(self, shard: int) -> EventPage:
        assert self._cursor is not None
        with readable_reply():
            return await self._feed.events_wait(self._cursor, BLOCK_MS, shard)

    async def _wait_and_look(self) -> None:
        while self._viewers:
            is_calm = all(viewer.is_calm for viewer in self._viewers)
            due_in_s = self._read_at + self.pace_s(is_calm) - _clock()
            if due_in_s <= 0:
                await self._refresh(0)
                return
            # Somebody who comes may need a quicker pace; who goes may have been the last.
            await self._sleep(due_in_s)

    async def _sleep(self, seconds: float) -> None:
        self._hurry.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._hurry.wait()
        except TimeoutError:
            return

    def _tell_trouble(self, error: StoreError) -> None:
        if self._trouble is None:
            _log.warning("events cannot be read: %s", error.detail)
            self._tell_all(Signal("away", error.detail))
        self._trouble = error.detail

    def _tell_recovery(self) -> None:
        if self._trouble is not None:
            self._trouble = None
            _log.info("events can be read again")
            self._tell_all(Signal("back", ""))

    def _tell_all(self, signal: Signal) -> None:
        for viewer in self._viewers:
            viewer.push(signal)


def _clock() -> float:
    """Seconds of the running loop's clock."""
    return asyncio.get_running_loop().time()

"""One who watches the feed: where it is, and what waits for it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from shared.events import Event, is_behind, moved

if TYPE_CHECKING:
    from api.live.hub import EventHub

#: Events that may wait for a slow client; one that is further behind is told to begin anew.
MAX_BEHIND = 2_000


class Reset(NamedTuple):
    """Events before `cursor` may have been missed: read the state anew, and go on from there."""

    cursor: str


class Signal(NamedTuple):
    """Whether the feed can be read: `away` with the reason, or `back`."""

    name: str
    detail: str


News = Event | Reset | Signal


class Viewer:
    """Made by `EventHub.open`.

    Attributes:
        cursor: of the newest news that were taken.
        is_calm: the slow pace is enough.
    """

    def __init__(self, hub: EventHub, cursor: str, is_calm: bool) -> None:
        self.cursor = cursor
        self.is_calm = is_calm
        self._hub = hub
        self._news: deque[News] = deque()
        self._has_news = asyncio.Event()
        self._has_joined = False
        self._has_ended = False

    def push(self, news: Sequence[Event] | Reset | Signal) -> None:
        """Put something into its queue; an older event than it has seen is left out."""
        if isinstance(news, Reset | Signal):
            self._news.append(news)
        else:
            self._news.extend(event for event in news if not is_behind(self.cursor, event))
            if len(self._news) > MAX_BEHIND:
                newest = behind(self.cursor, self._news)
                self._news.clear()
                self._news.append(Reset(newest))
        self._has_news.set()

    def end(self) -> None:
        """Let its stream end."""
        self._has_ended = True
        self._has_news.set()

    def close(self) -> None:
        """It is gone."""
        self._hub.leave(self)

    async def batch(self, timeout_s: float) -> list[News] | None:
        """What has come, as soon as there is something; empty when the time has passed, None at the end.

        Raises:
            StoreError: Redis does not answer while the viewer still catches up.
        """
        if not self._news and not self._has_joined:
            lacking = await self._hub.join(self)
            self._has_joined = not lacking
            if lacking:
                self.push(lacking)
        if not self._news and not self._has_ended and timeout_s > 0:
            try:
                async with asyncio.timeout(timeout_s):
                    await self._has_news.wait()
            except TimeoutError:
                return []
        self._has_news.clear()
        if self._has_ended:
            return None
        taken = list(self._news)
        self._news.clear()
        self.cursor = behind(self.cursor, taken)
        return taken


def behind(cursor: str, news: Iterable[News]) -> str:
    """The cursor of one who was at `cursor` and has taken these news."""
    for one in news:
        if isinstance(one, Reset):
            cursor = one.cursor
        elif isinstance(one, Event):
            cursor = moved(cursor, one)
    return cursor

"""A child's line to the parent that waits for all processes of a host; without it the child waits by itself.

Each of several processes that waited by itself would be a connection, and a call for every wake-up.
The line carries JSON, one value a line. A child says `[shard, cursor]`: it waits there from that
wake-up on. The parent answers `[shard, [[id, fields], …]]` with what comes after the cursor, once;
`[shard, null]` when it cannot know that (its own connection was lost, or the cursor is older than
what it has kept): look first, then say again where from. `[]` is a sign of life.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections import defaultdict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import structlog

from shared.errors import StoreUnavailable

#: Names the child's end of the line.
WAKE_SOCKET = "DTQ_WAKE_SOCKET"
#: How often the parent says that it lives, and after how long without a word it is given up.
ALIVE_S = 5.0
SILENT_S = 15.0
#: Of one line: 128 wake-ups that name many queues.
MAX_LINE = 4 * 1024 * 1024

#: Ids and fields of entries of the stream.
Entries = list[tuple[str, dict[str, str]]]
Wait = Callable[..., Awaitable[Entries]]

log = structlog.get_logger()


def order_of(entry_id: str) -> tuple[int, int]:
    """What comes before what in a stream."""
    ms, _, sequence = entry_id.partition("-")
    return int(ms), int(sequence or 0)


class WakeLine:
    """Waits by the parent, as long as it lives; then, and ever after, by itself.

    Args:
        wait_alone: `TaskQueue.wait`.
        silent_s: after so long without a word the parent is given up.
    """

    def __init__(self, wait_alone: Wait, silent_s: float = SILENT_S) -> None:
        self._wait_alone = wait_alone
        self._silent_s = silent_s
        self._writer: asyncio.StreamWriter | None = None
        self._told: defaultdict[int, asyncio.Queue[Entries | None]] = defaultdict(asyncio.Queue)
        self._reading: asyncio.Task[None] | None = None

    @property
    def is_open(self) -> bool:
        """Whether the parent waits for us."""
        return self._writer is not None

    async def open(self, end: socket.socket) -> None:
        """Take our end of the line."""
        reader, self._writer = await asyncio.open_connection(sock=end, limit=MAX_LINE)
        self._reading = asyncio.create_task(self._read(reader))

    async def wait(self, cursor: str, timeout_ms: int, *, shard: int = 0) -> Entries:
        """As `TaskQueue.wait`.

        Raises:
            StoreUnavailable: wake-ups may have been missed, or the parent is gone: look first.
        """
        if self._writer is None:
            return await self._wait_alone(cursor, timeout_ms, shard=shard)
        self._writer.write(json.dumps([shard, cursor]).encode() + b"\n")
        try:
            async with asyncio.timeout(timeout_ms / 1000):
                while True:
                    told = await self._told[shard].get()
                    if told is None:
                        raise StoreUnavailable("the process that waits for this one has to begin anew")
                    # An answer to what was said before may come late.
                    news = [entry for entry in told if order_of(entry[0]) > order_of(cursor)]
                    if news:
                        return news
        except TimeoutError:
            return []

    async def _read(self, reader: asyncio.StreamReader) -> None:
        """Until the parent ends, or is silent; then everybody looks, and waits alone."""
        with suppress(OSError, ValueError):
            while True:
                async with asyncio.timeout(self._silent_s):
                    line = await reader.readline()
                if not line.endswith(b"\n"):
                    break
                self._take(json.loads(line))
        log.warning("the parent does not wait for this process any more; it waits by itself")
        await self.close()
        for told in self._told.values():
            told.put_nowait(None)

    def _take(self, words: list[Any]) -> None:
        if words:
            shard, entries = words
            self._told[shard].put_nowait(entries and [(entry_id, fields) for entry_id, fields in entries])

    async def close(self) -> None:
        """Give the line up."""
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()
        if self._reading is not None and self._reading is not asyncio.current_task():
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)


def parent_end() -> socket.socket | None:
    """The end of the line that a parent left us; None when nobody waits for us."""
    # Taken once: a process that restarts in place has closed it, and waits by itself.
    number = os.environ.pop(WAKE_SOCKET, None)
    return socket.socket(fileno=int(number)) if number else None

"""Connections to Redis: RESP over an asyncio transport, parsed by hiredis.

asyncio's protocols instead of its streams: a reply wakes the request that waits for it without a reader task in
between. RESP2 is spoken, so that replies pass as Upstash shows them.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast

import hiredis

from local.gateway.errors import RedisLost, RedisUnreachable
from local.gateway.rules import Command
from local.gateway.target import RedisTarget

#: A reply of Redis: bytes or str, int, None, a list of these, or hiredis.ReplyError.
Reply = Any

_NOTHING_YET = object()

#: Bytes of pushes kept for a listener that is slower than Redis.
_MAX_WAITING_BYTES = 1024 * 1024


def pack(commands: Sequence[Command]) -> bytes:
    """Encode commands for the wire, back to back."""
    # hiredis' stub declares a tuple of one where it takes any number.
    return b"".join([hiredis.pack_command(tuple(command)) for command in commands])  # type: ignore[arg-type]


class _RedisProtocol(asyncio.Protocol):
    """What both kinds of connection share: the transport and its end."""

    def __init__(self) -> None:
        self.is_usable = False
        self._transport: asyncio.Transport | None = None
        self._reader = hiredis.Reader(encoding="utf-8", errors="replace", notEnoughData=_NOTHING_YET)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # A cast, because uvloop's transports are not of asyncio's classes.
        self._transport = cast("asyncio.Transport", transport)
        self.is_usable = True
        link = transport.get_extra_info("socket")
        if link is not None:
            link.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_usable = False

    def abort(self) -> None:
        """Close at once, whatever is under way; harmless when already closed."""
        self.is_usable = False
        if self._transport is not None:
            self._transport.abort()

    def write(self, payload: bytes) -> None:
        """Send bytes as they are."""
        assert self._transport is not None
        self._transport.write(payload)


class CommandConnection(_RedisProtocol):
    """A connection for one request at a time: what is sent is answered, or the connection ends.

    Whoever stops waiting early (cancelled, timed out) ends the connection, because the answer still to come would
    otherwise be read as the answer to somebody else's command.
    """

    def __init__(self) -> None:
        super().__init__()
        self._waiter: asyncio.Future[None] | None = None
        self._replies: list[Reply] = []
        self._raw: list[bytes] = []
        self._missing = 0
        self._decode = True

    async def call(self, payload: bytes, count: int, *, decode: bool) -> list[Reply]:
        """Send commands and return all their replies.

        Args:
            payload: Packed commands.
            count: How many replies they cause.
            decode: Whether strings come as `str`, invalid UTF-8 replaced, or as `bytes`.

        Raises:
            RedisLost: When the connection ends first.
        """
        return (await self._exchange(payload, count, decode=decode))[0]

    async def call_raw(self, payload: bytes) -> bytes:
        """Send one command and return its reply as it came.

        Raises:
            RedisLost: When the connection ends first.
        """
        return b"".join((await self._exchange(payload, 1, decode=False))[1])

    async def _exchange(self, payload: bytes, count: int, *, decode: bool) -> tuple[list[Reply], list[bytes]]:
        self._waiter = asyncio.get_running_loop().create_future()
        self._missing, self._decode = count, decode
        try:
            self.write(payload)
            await self._waiter
        except BaseException:
            self.abort()
            raise
        else:
            return self._replies, self._raw
        finally:
            self._waiter = None
            self._replies, self._raw = [], []  # a connection at rest must not hold on to the latest answer

    def data_received(self, data: bytes) -> None:
        """Take in what Redis sent (called by the event loop)."""
        if self._waiter is None or self._waiter.done():
            self.abort()  # nobody asked: a connection that talks out of turn is not to be trusted
            return
        self._raw.append(data)
        try:
            self._read_replies(data)
        except hiredis.ProtocolError as error:
            self._waiter.set_exception(RedisLost(f"ERR unreadable reply from the database: {error}"))
            return
        if self._missing == 0:
            self._waiter.set_result(None)
            if self._reader.has_data():
                self.abort()  # more answers than questions

    def _read_replies(self, data: bytes) -> None:
        self._reader.feed(data)
        while self._missing:
            reply = self._reader.gets(self._decode)
            if reply is _NOTHING_YET:
                return
            self._replies.append(reply)
            self._missing -= 1

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever waits (called by the event loop)."""
        super().connection_lost(exc)
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(
                RedisLost("ERR connection to the database was lost; the command may have run")
            )


class PushConnection(_RedisProtocol):
    """A connection that listens: subscriptions and MONITOR. Iterating ends when the connection does."""

    def __init__(self) -> None:
        super().__init__()
        self._pushes: asyncio.Queue[Reply] = asyncio.Queue()
        self._is_paused = False
        self._waiting_bytes = 0

    def data_received(self, data: bytes) -> None:
        """Take in what Redis sent (called by the event loop)."""
        self._reader.feed(data)
        try:
            while (push := self._reader.gets()) is not _NOTHING_YET:
                self._pushes.put_nowait(push)
        except hiredis.ProtocolError:
            self.abort()
        self._waiting_bytes += len(data)
        if self._waiting_bytes > _MAX_WAITING_BYTES and not self._is_paused and self._transport is not None:
            # What Redis cannot deliver it buffers, and it cuts the listener off at a limit of its own.
            self._transport.pause_reading()
            self._is_paused = True

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever waits (called by the event loop)."""
        super().connection_lost(exc)
        self._pushes.put_nowait(_NOTHING_YET)

    def __aiter__(self) -> "PushConnection":
        return self

    async def __anext__(self) -> Reply:
        if self._pushes.empty():
            self._resume()
        push = await self._pushes.get()
        if push is _NOTHING_YET:
            raise StopAsyncIteration
        return push

    async def next_push(self) -> Reply:
        """Return the next push.

        Raises:
            RedisLost: When the connection ends first.
        """
        async for push in self:
            return push
        raise RedisLost("ERR connection to the database was lost")

    def _resume(self) -> None:
        self._waiting_bytes = 0
        if self._is_paused and self.is_usable and self._transport is not None:
            self._transport.resume_reading()
        self._is_paused = False


_Link = TypeVar("_Link", bound=_RedisProtocol)


async def open_link(target: RedisTarget, kind: Callable[[], _Link]) -> _Link:
    """Open a connection of the given kind.

    Raises:
        RedisUnreachable: When nothing listens there.
    """
    context = ssl.create_default_context() if target.tls else None
    try:
        _, link = await asyncio.get_running_loop().create_connection(
            kind, target.host, target.port, ssl=context
        )
    except OSError as error:
        raise RedisUnreachable(f"ERR the database is not reachable: {error.strerror or error}") from error
    return link

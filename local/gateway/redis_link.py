"""Connections to Redis: RESP over an asyncio transport, parsed by hiredis.

asyncio's protocols instead of its streams: a reply wakes the request that waits for it without a reader task in
between. RESP2 is spoken, so that replies pass as Upstash shows them.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast
from urllib.parse import unquote, urlsplit

import hiredis

from local.gateway.errors import RedisLost, RedisUnreachable
from local.gateway.rules import Command

#: A reply of Redis: bytes or str, int, None, a list of these, or hiredis.ReplyError.
Reply = Any

_NOTHING_YET = object()
_MAX_WAITING_PUSHES = 1000


@dataclass(frozen=True, slots=True)
class RedisTarget:
    """Where Redis is, and what to say on arrival."""

    host: str
    port: int
    tls: bool
    greeting: tuple[tuple[str, ...], ...]

    @classmethod
    def from_url(cls, url: str) -> "RedisTarget":
        """Read `redis[s]://[user][:password]@host[:port][/db]`.

        Raises:
            ValueError: When the URL is of another form.
        """
        parts = urlsplit(url)
        if parts.scheme not in ("redis", "rediss") or not parts.hostname:
            raise ValueError(
                f"{parts.scheme or url!r}: a Redis URL looks like redis://:password@localhost:6379/0"
            )
        greeting: list[tuple[str, ...]] = []
        if parts.password:
            user = (unquote(parts.username),) if parts.username else ()
            greeting.append(("AUTH", *user, unquote(parts.password)))
        database = parts.path.strip("/")
        if database and database != "0":
            greeting.append(("SELECT", database))
        return cls(parts.hostname, parts.port or 6379, parts.scheme == "rediss", tuple(greeting))


def pack(commands: list[Command]) -> bytes:
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
        self._transport = cast(
            "asyncio.Transport", transport
        )  # uvloop's transports are of no class of asyncio
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

    def data_received(self, data: bytes) -> None:
        """Take in what Redis sent (called by the event loop)."""
        self._reader.feed(data)
        try:
            while (push := self._reader.gets()) is not _NOTHING_YET:
                self._pushes.put_nowait(push)
        except hiredis.ProtocolError:
            self.abort()
        if self._pushes.qsize() > _MAX_WAITING_PUSHES and not self._is_paused and self._transport is not None:
            # A slow listener: what Redis cannot deliver it buffers, and cuts the listener off at its own limit.
            self._transport.pause_reading()
            self._is_paused = True

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever waits (called by the event loop)."""
        super().connection_lost(exc)
        self._pushes.put_nowait(_NOTHING_YET)

    def __aiter__(self) -> "PushConnection":
        return self

    async def __anext__(self) -> Reply:
        push = await self._pushes.get()
        if push is _NOTHING_YET:
            raise StopAsyncIteration
        if self._is_paused and self._pushes.empty() and self.is_usable and self._transport is not None:
            self._transport.resume_reading()
            self._is_paused = False
        return push


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

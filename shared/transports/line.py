"""One connection to Redis on which any number of calls are under way; they are answered in order.

redis-py connects: addresses, TLS, passwords. Then the connection is ours, since the pool, the tasks and the timeouts
that redis-py's client spends on each call cost ten times what the call itself does.
"""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

import hiredis
import redis.asyncio as redis
from redis.exceptions import AuthenticationError, RedisError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from shared.errors import StoreError, StoreRefused, StoreUnavailable
from shared.transports.base import Reply, unreachable

#: A half-open connection is noticed after 15 + 5 * 3 s.
_KEEPALIVE = {socket.TCP_KEEPIDLE: 15, socket.TCP_KEEPINTVL: 5, socket.TCP_KEEPCNT: 3}
_MISSING = object()
#: What one read takes at most. A protocol without a buffer of its own is given a new one of 256 KiB for each read, which
#: costs more than all else that is done with an answer.
_BUFFER_BYTES = 64 * 1024


class ReplyError(Exception):
    """Raised when the server answers a call with an error; its text is the server's."""


class Line(asyncio.BufferedProtocol):
    """A connection that is open until it is lost, closed, or silent for too long; then every call under way fails.

    A caller that is cancelled leaves its call under way: the answer comes, and nobody reads it.

    Args:
        connection: of redis-py, connected.
        address: where to.
        timeout_s: how long an answer may take.
    """

    def __init__(self, connection: redis.Connection, address: Mapping[str, Any], timeout_s: float) -> None:
        self.address = address
        self._connection = connection
        self._timeout_s = timeout_s
        self._loop = asyncio.get_running_loop()
        self._reader = hiredis.Reader(
            protocolError=RedisError,
            replyError=ReplyError,
            encoding="utf-8",
            notEnoughData=_MISSING,
        )
        # A view, as asyncio's TLS fills what it is given in pieces: a piece of a bytearray would be a copy.
        self._buffer = memoryview(bytearray(_BUFFER_BYTES))
        self._under_way: deque[tuple[asyncio.Future[Reply], float]] = deque()
        self._watch: asyncio.TimerHandle | None = None
        self.is_open = True
        self._transport: asyncio.WriteTransport = connection._writer.transport  # type: ignore[union-attr]
        self._transport.set_protocol(self)

    @classmethod
    async def open(cls, address: Mapping[str, Any], timeout_s: float) -> Line:
        """Connect.

        Args:
            address: as redis-py's `parse_url` gives it.
            timeout_s: how long an answer may take.

        Raises:
            StoreError: nobody answers there, or we are refused.
        """
        options = {"connection_class": redis.Connection, **address}
        kind = options.pop("connection_class")
        connection = kind(**connection_options(timeout_s), retry=None, retry_on_error=[], **options)
        try:
            await connection.connect()
        except AuthenticationError as error:
            raise StoreRefused(f"Redis refused the password: {error}") from None
        except (RedisConnectionError, RedisTimeoutError, OSError, RuntimeError) as error:
            raise unreachable(str(error) or type(error).__name__) from None
        except RedisError as error:
            raise StoreUnavailable(f"Redis answered nonsense: {type(error).__name__}: {error}") from None
        return cls(connection, address, timeout_s)

    @property
    def is_idle(self) -> bool:
        """Whether nothing is under way on it."""
        return not self._under_way

    def call(self, words: Sequence[str]) -> asyncio.Future[Reply]:
        """Send a command; the answer comes to the future.

        Raises:
            ReplyError: by the future; the server answered with an error.
            StoreUnavailable: by the future; the connection was lost.
        """
        answer: asyncio.Future[Reply] = self._loop.create_future()
        if not self.is_open:
            answer.set_exception(StoreUnavailable("Redis does not answer: the connection was lost."))
            return answer
        self._under_way.append((answer, self._loop.time() + self._timeout_s))
        if self._watch is None:
            self._watch = self._loop.call_later(self._timeout_s, self._look)
        self._transport.write(hiredis.pack_command(tuple(words)))  # type: ignore[arg-type]  # its stub takes one word
        return answer

    def close(self) -> None:
        """Give the connection up, now; what is under way fails."""
        self._fail(StoreUnavailable("Redis does not answer: the connection was closed."))

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where the next bytes go; see `asyncio.BufferedProtocol`."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Take answers; see `asyncio.BufferedProtocol`."""
        reader = self._reader
        try:
            reader.feed(self._buffer, 0, nbytes)  # type: ignore[arg-type]  # it takes any buffer
            while (reply := reader.gets()) is not _MISSING:
                answer, _ = self._under_way.popleft()
                if answer.done():
                    continue  # its caller was cancelled
                if type(reply) is ReplyError:
                    answer.set_exception(reply)
                else:
                    answer.set_result(reply)
        except (RedisError, UnicodeDecodeError, ValueError, IndexError) as error:
            # An answer that nobody asked for is nonsense, too.
            self._fail(StoreUnavailable(f"Redis answered nonsense: {type(error).__name__}: {error}"))

    def connection_lost(self, exc: Exception | None) -> None:
        """The other side has gone; see `asyncio.BufferedProtocol`."""
        self._fail(unreachable(str(exc) if exc else "Connection closed by server."))

    def _look(self) -> None:
        """Whether the oldest call has waited for too long; looks again when the next will have."""
        self._watch = None
        if not self._under_way:
            return
        _, due = self._under_way[0]
        if due <= self._loop.time():
            self._fail(unreachable("Timeout reading from socket"))
        else:
            self._watch = self._loop.call_at(due, self._look)

    def _fail(self, error: StoreError) -> None:
        if not self.is_open:
            return
        self.is_open = False
        if self._watch is not None:
            self._watch.cancel()
        self._transport.abort()
        # redis-py would warn of it, and close it once more.
        self._connection._writer = self._connection._reader = None
        while self._under_way:
            answer, _ = self._under_way.popleft()
            if not answer.done():
                answer.set_exception(type(error)(error.detail))


def connection_options(socket_timeout_s: float) -> dict[str, Any]:
    """What every connection has, to one server or to a cluster."""
    return {
        "decode_responses": True,
        "socket_timeout": socket_timeout_s,
        "socket_connect_timeout": min(socket_timeout_s, 2.0),
        "socket_keepalive": True,
        "socket_keepalive_options": _KEEPALIVE,
        "health_check_interval": 0,
        "driver_info": None,
        "protocol": 2,
    }

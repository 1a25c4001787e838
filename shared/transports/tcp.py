"""Redis over TCP: redis-py on asyncio with hiredis, without its silent retries."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Coroutine, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import redis.asyncio as redis
from redis.asyncio.connection import parse_url
from redis.exceptions import AuthenticationError, RedisClusterException, RedisError, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from shared.errors import DtqError, StoreRefused, StoreUnavailable
from shared.scripts import Script
from shared.settings import TcpTarget
from shared.transports.base import (
    DEADLINE_S,
    WAIT_COUNT,
    NoScript,
    Reply,
    error_of,
    is_on_disk,
    persisting,
    unreachable,
)

_T = TypeVar("_T")

#: The longest wait: an idle connection older than this may be closed by the provider unseen.
MAX_WAIT_S = 60.0
#: Added to the time the server blocks, before the client takes the connection for dead.
WAIT_MARGIN_S = 10.0
#: Per transport and kind; each carries one call at a time, a burst queues for them.
MAX_CONNECTIONS = 64
#: A half-open connection is noticed after 15 + 5 * 3 s.
_KEEPALIVE = {socket.TCP_KEEPIDLE: 15, socket.TCP_KEEPINTVL: 5, socket.TCP_KEEPCNT: 3}


class TcpTransport:
    """One pool for calls, and one for waits, whose timeout is longer than the server blocks.

    Args:
        target: where Redis is.
        attempts: tries of a call that met a lost connection; a worker repeats by itself and asks for 1.
        socket_timeout_s: how long one try may take.
    """

    def __init__(self, target: TcpTarget, *, attempts: int = 2, socket_timeout_s: float = 2.0) -> None:
        self._url = target.url
        self._attempts = attempts
        self._calls = self._client(socket_timeout_s)
        self._waits = self._client(MAX_WAIT_S + WAIT_MARGIN_S)
        self._in_flight: set[asyncio.Future[Reply]] = set()

    def _client(self, socket_timeout_s: float) -> redis.Redis:
        return pooled_client(parse_url(self._url), socket_timeout_s)

    async def run(self, script: Script, keys: Sequence[str], args: Sequence[str]) -> Reply:
        """Run a script; see `Transport.run`."""
        # One try can take the time to connect and to send the script again with its body: the whole
        # is bounded, too. The call that is given up here ends by itself, see `uncancelled`.
        try:
            async with asyncio.timeout(DEADLINE_S):
                for attempt in range(1, self._attempts + 1):
                    try:
                        return await self._run_once(script, keys, args)
                    except StoreUnavailable:
                        if attempt == self._attempts:
                            raise
        except TimeoutError:
            raise StoreUnavailable(f"Redis did not answer within {DEADLINE_S} s.") from None
        raise AssertionError("unreachable")

    async def _run_once(self, script: Script, keys: Sequence[str], args: Sequence[str]) -> Reply:
        count = str(len(keys))
        try:
            return await self._call(self._calls, script, "EVALSHA", script.sha, count, *keys, *args)
        except NoScript:
            return await self._call(self._calls, script, "EVAL", script.body, count, *keys, *args)

    async def command(self, *words: str) -> Reply:
        """Run one plain command; see `Transport.command`."""
        return await self._call(self._calls, None, *words)

    async def persist(self, key: str, timeout_ms: int) -> bool:
        """Ask whether all is on disk; see `Transport.persist`."""
        try:
            async with asyncio.timeout(DEADLINE_S):
                _, answer = await self._uncancelled(self._pipelined_by(key, persisting(key, timeout_ms)))
        except TimeoutError:
            raise StoreUnavailable(f"Redis did not answer within {DEADLINE_S} s.") from None
        return is_on_disk(answer)

    async def _pipelined_by(self, _: str, commands: Sequence[Sequence[str]]) -> Reply:
        return await pipelined(self._calls, commands)

    async def wait(self, stream: str, cursor: str, timeout_ms: int) -> list[tuple[str, dict[str, str]]]:
        """Block on a stream; see `Transport.wait`."""
        words = (
            "XREAD",
            "COUNT",
            str(WAIT_COUNT),
            "BLOCK",
            str(min(max(1, timeout_ms), int(MAX_WAIT_S * 1000))),
            "STREAMS",
            stream,
            cursor,
        )
        reply = await self._wait_by(stream, words)
        if not reply:
            return []
        entries = reply[stream][0] if isinstance(reply, dict) else reply[0][1]
        return [(entry_id, dict(fields)) for entry_id, fields in entries]

    async def _wait_by(self, stream: str, words: tuple[str, ...]) -> Reply:
        return await self._call(self._waits, None, *words)

    async def _call(self, client: redis.Redis, script: Script | None, *words: str) -> Reply:
        call = client.execute_command(*words)  # type: ignore[no-untyped-call]  # untyped in redis-py
        return await self._uncancelled(translated(call, script))

    async def _uncancelled(self, call: Coroutine[Any, Any, Reply]) -> Reply:
        task = asyncio.ensure_future(call)
        self._in_flight.add(task)
        task.add_done_callback(self._in_flight.discard)
        return await uncancelled(task)

    async def close(self) -> None:
        """Close all connections; a call in flight ends with `StoreUnavailable`."""
        await self._disconnect()
        if self._in_flight:
            # One that was about to connect is past that now, and its connection back in the pool.
            await asyncio.wait(self._in_flight)
            await self._disconnect()

    async def _disconnect(self) -> None:
        for client in (self._calls, self._waits):
            await client.aclose()


def pooled_client(address: Mapping[str, Any], socket_timeout_s: float) -> redis.Redis:
    """A client of one server. A full pool makes callers wait; redis-py's default refuses the 101st.

    Args:
        address: as `parse_url` gives it.
        socket_timeout_s: how long one answer may take.
    """
    options = {"connection_class": redis.Connection, **address}
    options["connection_class"] = packed_by_hiredis(options["connection_class"])
    pool = redis.BlockingConnectionPool(
        max_connections=MAX_CONNECTIONS,
        timeout=DEADLINE_S,
        retry=None,
        retry_on_error=[],
        **connection_options(socket_timeout_s),
        **options,
    )
    return redis.Redis.from_pool(pool)


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


def packed_by_hiredis(kind: type[Any]) -> type[Any]:
    """A connection class that packs commands with hiredis and writes them in the same turn of the loop.

    redis-py's asyncio packs in Python: an exchange of 100 outcomes has 300 words, 0.04 ms instead of 0.5.
    """
    try:
        from hiredis import pack_command
    except ImportError:
        return kind  # the API's function goes without the worker's libraries

    def pack(_: object, *words: str) -> list[bytes]:
        if " " in words[0]:
            words = (*words[0].split(), *words[1:])  # the client's own, such as CLUSTER SLOTS
        return [pack_command(words)]  # type: ignore[arg-type]  # its stub takes one word only

    async def send(self: Any, command: Iterable[bytes], check_health: bool = True) -> None:
        # redis-py gives each write a task that watches the clock. The bytes leave at once, and the read
        # that follows has its time limit.
        if not self.is_connected:
            await kind.send_packed_command(self, command, check_health)
            return
        try:
            self._writer.writelines(command)
        except BaseException:
            await self.disconnect(nowait=True)
            raise

    return type(f"Packed{kind.__name__}", (kind,), {"pack_command": pack, "send_packed_command": send})


async def pipelined(client: redis.Redis, commands: Sequence[Sequence[str]]) -> Reply:
    """Several commands on one connection; the first error is raised."""
    return await translated(_in_one_pipeline(client, commands))


async def _in_one_pipeline(client: redis.Redis, commands: Sequence[Sequence[str]]) -> Reply:
    async with client.pipeline(transaction=False) as pipe:
        for words in commands:
            pipe.execute_command(*words)
        replies = await pipe.execute(raise_on_error=False)
    for reply in replies:
        if isinstance(reply, Exception):
            raise reply
    return replies


async def translated(call: Awaitable[_T], script: Script | None = None) -> _T:
    """What a call of redis-py answers; what goes wrong is told in our errors."""
    try:
        return await call
    except AuthenticationError as error:
        raise StoreRefused(f"Redis refused the password: {error}") from None
    # uvloop answers a write to a connection that was reset meanwhile with RuntimeError.
    except (RedisConnectionError, RedisTimeoutError, OSError, RuntimeError) as error:
        raise unreachable(str(error) or type(error).__name__) from None
    except ResponseError as error:
        raise _response_error(error, script) from None
    except RedisClusterException as error:
        raise _cluster_error(error) from None
    except (RedisError, UnicodeDecodeError, ValueError) as error:
        raise StoreUnavailable(f"Redis answered nonsense: {type(error).__name__}: {error}") from None


def _cluster_error(error: RedisClusterException) -> DtqError:
    """What keeps the cluster client from finding a node."""
    if isinstance(error.__cause__, AuthenticationError):
        return StoreRefused(f"Redis refused the password: {error.__cause__}")
    if "Cluster mode is not enabled" in str(error):
        return StoreRefused(
            "This Redis is no cluster: unset REDIS_CLUSTER, and begin REDIS_URL with redis://."
        )
    return StoreUnavailable(f"The cluster cannot serve now: {error}")


def _response_error(error: ResponseError, script: Script | None) -> DtqError:
    """redis-py cuts off the first word that it knows and keeps it apart; here it is put back."""
    text, code = str(error), error.status_code
    return error_of(text if code is None or text.startswith(f"{code} ") else f"{code} {text}", script)


async def uncancelled(call: Awaitable[_T]) -> _T:
    """Await `call` to its end even when the caller is cancelled.

    A reply that nobody reads would be read by the next call on that connection.
    """
    task = asyncio.ensure_future(call)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
        raise

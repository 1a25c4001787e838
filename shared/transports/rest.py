"""Redis over REST: the `upstash-redis` SDK with our own HTTP client, deadline and retry."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

import httpx
from upstash_redis.asyncio import Redis
from upstash_redis.errors import UpstashError

from shared.absent import fail_at_once
from shared.errors import ScriptFailed, StoreUnavailable
from shared.scripts import Script
from shared.settings import RestTarget
from shared.transports.base import (
    DEADLINE_S,
    NoScript,
    Reply,
    error_of,
    is_on_disk,
    persisting,
    unreachable,
)

fail_at_once("sniffio")
#: One try; two fit into the deadline.
_TIMEOUT = httpx.Timeout(2.0, connect=2.0, pool=2.0)
#: The SDK's own client drops idle connections after 5 s, which costs TCP and TLS per submission.
_CONNECTIONS = 100
_LIMITS = httpx.Limits(max_connections=_CONNECTIONS, max_keepalive_connections=20, keepalive_expiry=300.0)
_TRIES = 2
#: What a proxy says in the name of a server that it does not reach, whatever the body.
_AWAY = frozenset({502, 503, 504})


class RestTransport:
    """One SDK client per event loop: a client of another loop would fail with a closed loop.

    Args:
        target: URL and token of the database.
        http: transport of the HTTP client; tests pass their own.
    """

    def __init__(self, target: RestTarget, *, http: httpx.AsyncBaseTransport | None = None) -> None:
        self._target = target
        self._http = http
        self._clients: WeakKeyDictionary[asyncio.AbstractEventLoop, Redis] = WeakKeyDictionary()
        self._turns: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()

    def _turn(self) -> asyncio.Semaphore:
        """Where calls wait for a connection.

        The pool's own queue costs calls x connections at each change, which blocks the loop for seconds
        when hundreds wait for a Redis that hangs.
        """
        loop = asyncio.get_running_loop()
        return self._turns.setdefault(loop, asyncio.Semaphore(_CONNECTIONS))

    def _client(self) -> Redis:
        loop = asyncio.get_running_loop()
        client = self._clients.get(loop)
        if client is None:
            # Without base64 a reply is a third smaller; ours are valid UTF-8 by construction.
            client = Redis(
                self._target.url,
                self._target.token,
                rest_encoding=None,
                rest_retries=0,
                allow_telemetry=False,
            )
            client._http._client = httpx.AsyncClient(
                timeout=_TIMEOUT,
                limits=_LIMITS,
                transport=self._http,
                event_hooks={"response": [_check_status]},
                # Reading the certificates takes tens of milliseconds; without TLS nobody needs them.
                verify=self._target.url.startswith("https://"),
            )
            self._clients[loop] = client
        return client

    async def run(self, script: Script, keys: Sequence[str], args: Sequence[str]) -> Reply:
        """Run a script; see `Transport.run`."""
        tail = [str(len(keys)), *keys, *args]
        try:
            return await self._execute(["EVALSHA", script.sha, *tail], script)
        except NoScript:
            return await self._execute(["EVAL", script.body, *tail], script)

    async def command(self, *words: str) -> Reply:
        """Run one plain command; see `Transport.command`."""
        return await self._execute(list(words), None)

    async def persist(self, key: str, timeout_ms: int) -> bool:
        """Ask whether all is on disk; see `Transport.persist`."""
        try:
            async with asyncio.timeout(DEADLINE_S):
                return is_on_disk((await self._pipelined(persisting(key, timeout_ms)))[1])
        except TimeoutError:
            raise StoreUnavailable(f"Redis did not answer within {DEADLINE_S} s.") from None

    async def _pipelined(self, commands: list[list[str]]) -> list[Reply]:
        """Several commands in one request; the first error is raised."""
        with _our_errors(None):
            async with self._turn():
                pipe = self._client().pipeline()
                for words in commands:
                    pipe.execute(words)
                return list(await pipe.exec())

    async def wait(self, stream: str, cursor: str, timeout_ms: int) -> list[tuple[str, dict[str, str]]]:
        """REST has no blocking commands.

        Raises:
            ScriptFailed: always.
        """
        raise ScriptFailed("Redis over REST cannot wait for wake-ups; a worker needs REDIS_URL.")

    async def _execute(self, words: list[str], script: Script | None) -> Reply:
        """Send once, and once more when the answer never came: every script may run twice."""
        try:
            async with asyncio.timeout(DEADLINE_S):
                for attempt in range(1, _TRIES + 1):
                    try:
                        return await self._execute_once(words, script)
                    except StoreUnavailable:
                        if attempt == _TRIES:
                            raise
        except TimeoutError:
            raise StoreUnavailable(f"Redis did not answer within {DEADLINE_S} s.") from None
        raise AssertionError("unreachable")

    async def _execute_once(self, words: list[str], script: Script | None) -> Reply:
        with _our_errors(script):
            async with self._turn():
                return await self._client().execute(words)

    async def close(self) -> None:
        """Close the client of the running loop."""
        client: Any = self._clients.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await client.close()


@contextmanager
def _our_errors(script: Script | None) -> Iterator[None]:
    """Errors of the SDK as ours."""
    try:
        yield
    except UpstashError as error:
        raise error_of(str(error), script) from None
    except httpx.HTTPError as error:
        raise unreachable(str(error) or type(error).__name__) from None
    except (
        json.JSONDecodeError,
        UnicodeDecodeError,
        KeyError,
        TypeError,
        ValueError,
        AttributeError,
    ) as error:
        # The SDK reads any body as JSON and expects "result" in it; a proxy's HTML page ends here.
        raise StoreUnavailable(f"Redis answered nonsense: {type(error).__name__}") from None


async def _check_status(response: httpx.Response) -> None:
    """The SDK looks at the body only, where such an answer reads like a script's error."""
    if response.status_code in _AWAY:
        raise StoreUnavailable(f"Redis does not answer: status {response.status_code} of its REST side")

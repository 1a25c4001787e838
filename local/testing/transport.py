"""How a queue under test reaches its server: at once, from any event loop, by the clock of the test.

The scripts read the time from the server (`call('TIME')`, and the id of an event). In the text that is sent from here,
and nowhere else, what was read is moved by the test's clock. The engine itself has no way to do that: no
argument, no setting, no key.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import redis

from local.testing.clock import Clock
from shared.errors import StoreUnavailable
from shared.scripts import Script
from shared.transports.base import NoScript, Reply, error_of, is_on_disk, persisting

_READ = "call('TIME')"
_ENTRY = "string.match(entry, '^(%d+)-(%d+)$')"
#: What is taken from an id is moved by the same function, as a script has room for one more.
_MOVED = (
    "local function moved(t, n) if n then return t + math.floor({ahead} / 1000), n end "
    "local us = tonumber(t[1]) * 1000000 + tonumber(t[2]) + {ahead}; "
    "return {{string.format('%.0f', math.floor(us / 1000000)), string.format('%.0f', us % 1000000)}} end "
)


class ClockedTransport:
    """Implements `shared.transports.base.Transport`; its methods never suspend.

    Args:
        socket: file of the embedded server.
        clock: of the test.
    """

    def __init__(self, socket: str, clock: Clock) -> None:
        self._client = redis.Redis(unix_socket_path=socket, decode_responses=True, protocol=2)
        self._clock = clock
        self._moved: dict[tuple[str, int], tuple[str, str]] = {}

    async def run(self, script: Script, keys: Sequence[str], args: Sequence[str]) -> Reply:
        """Run a script, its time moved."""
        body, sha = self._at_the_clock(script)
        count = str(len(keys))
        try:
            return self._send(script, "EVALSHA", sha, count, *keys, *args)
        except NoScript:
            return self._send(script, "EVAL", body, count, *keys, *args)

    def _at_the_clock(self, script: Script) -> tuple[str, str]:
        ahead = self._clock.ahead_us
        known = self._moved.get((script.sha, ahead))
        if known is None:
            body = script.body.replace(_READ, f"moved({_READ})").replace(_ENTRY, f"moved({_ENTRY})")
            if body.count("TIME") != body.count(f"moved({_READ})"):
                raise RuntimeError(f"script {script.name} reads the time in a way that no test can move")
            body = _MOVED.format(ahead=ahead) + body
            known = body, hashlib.sha1(body.encode(), usedforsecurity=False).hexdigest()
            self._moved[script.sha, ahead] = known
        return known

    async def command(self, *words: str) -> Reply:
        """Run one plain command."""
        return self._send(None, *words)

    async def persist(self, key: str, timeout_ms: int) -> bool:
        """Ask whether all is on disk: on one connection, as this client has but one."""
        write, ask = persisting(key, timeout_ms)
        self._send(None, *write)
        return is_on_disk(self._send(None, *ask))

    async def wait(self, stream: str, cursor: str, timeout_ms: int) -> list[tuple[str, dict[str, str]]]:
        """Entries after `cursor`; never blocks, as in a test nobody else could add one."""
        found: Any = self._client.xread({stream: cursor}, count=128)
        return [entry for _, entries in found for entry in entries]

    async def close(self) -> None:
        """Close all connections."""
        self.shut()

    def shut(self) -> None:
        """Close all connections, from wherever."""
        self._client.close()

    def empty(self) -> None:
        """Remove everything that is stored."""
        self._client.flushall()

    def _send(self, script: Script | None, *words: str) -> Reply:
        try:
            return self._client.execute_command(*words)  # type: ignore[no-untyped-call]  # untyped in redis-py
        except redis.ResponseError as error:
            text, code = str(error), error.status_code
            raise error_of(
                text if code is None or text.startswith(f"{code} ") else f"{code} {text}", script
            ) from None
        except redis.RedisError as error:
            raise StoreUnavailable(f"the embedded server does not answer: {error}") from error

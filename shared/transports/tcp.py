"""Redis over TCP: calls share one connection, each wait has its own, and nothing is repeated in silence."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from time import monotonic
from typing import Any

from redis.asyncio.connection import parse_url

from shared.errors import StoreUnavailable
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
)
from shared.transports.line import Line, ReplyError

#: The longest wait. Each that ends without a wake-up is billed; but a server that swallows a connection may go unnoticed
#: for so long, if it keeps TCP alive.
MAX_WAIT_S = 120.0
#: The shortest that a wait becomes where silent connections are closed.
LEAST_WAIT_S = 30.0
#: Added to the time the server blocks, before the client takes the connection for dead.
WAIT_MARGIN_S = 10.0


class TcpTransport:
    """One connection for all calls, and others on which the server may block, each for one wait at a time.

    Args:
        target: where Redis is.
        attempts: tries of a call that met a lost connection; a worker repeats by itself and asks for 1.
        socket_timeout_s: how long one try may take; no longer than the deadline of all.
        now: monotonic seconds.
    """

    def __init__(
        self,
        target: TcpTarget,
        *,
        attempts: int = 2,
        socket_timeout_s: float = 2.0,
        now: Callable[[], float] = monotonic,
    ) -> None:
        self._now = now
        self._longest_wait_s = MAX_WAIT_S
        self._lost_waits: dict[str, float] = {}
        self._address = parse_url(target.url)
        self._attempts = attempts
        self._socket_timeout_s = min(socket_timeout_s, DEADLINE_S)
        self._line: Line | None = None
        self._opening: asyncio.Task[Line] | None = None
        self._blocking: set[Line] = set()
        self._idle: list[Line] = []
        self._closings = 0

    async def run(self, script: Script, keys: Sequence[str], args: Sequence[str]) -> Reply:
        """Run a script; see `Transport.run`."""
        ends_at = asyncio.get_running_loop().time() + DEADLINE_S
        tail = (str(len(keys)), *keys, *args)
        attempts, is_known, line = self._attempts, True, self._line
        if line is not None and line.is_open:
            # Nearly every call ends here. Its line sees to it that it ends before the deadline.
            try:
                return await answered(line.call(("EVALSHA", script.sha, *tail)), script)
            except NoScript:
                is_known = False
            except StoreUnavailable:
                attempts -= 1
                if not attempts:
                    raise
        return await self._run_until(ends_at, attempts, script, tail, is_known=is_known)

    async def _run_until(
        self, ends_at: float, attempts: int, script: Script, tail: Sequence[str], *, is_known: bool
    ) -> Reply:
        # One try can take the time to connect and to send the script again with its body: the whole is bounded, too.
        try:
            async with asyncio.timeout_at(ends_at):
                for attempt in range(1, attempts + 1):
                    try:
                        return await self._run_once(script, tail, is_known=is_known)
                    except StoreUnavailable:
                        if attempt == attempts:
                            raise
        except TimeoutError:
            raise StoreUnavailable(f"Redis did not answer within {DEADLINE_S} s.") from None
        raise AssertionError("unreachable")

    async def _run_once(self, script: Script, tail: Sequence[str], *, is_known: bool) -> Reply:
        """Run a script by its name if the server may know it, and with its body if it does not."""
        if is_known:
            try:
                return await self._call(("EVALSHA", script.sha, *tail), script)
            except NoScript:
                pass
        return await self._call(("EVAL", script.body, *tail), script)

    async def command(self, *words: str) -> Reply:
        """Run one plain command; see `Transport.command`."""
        return await self._call(words, None)

    async def _call(self, words: Sequence[str], script: Script | None) -> Reply:
        line = self._line
        if line is None or not line.is_open:
            line = await self._connected()
        return await answered(line.call(words), script)

    async def _connected(self) -> Line:
        """The connection for calls, which the first that wants it opens for all."""
        if self._opening is None:
            self._opening = asyncio.ensure_future(self._open(self._address, self._socket_timeout_s))
            self._opening.add_done_callback(self._opened)
        # Whoever is cancelled meanwhile leaves the others theirs.
        return await asyncio.shield(self._opening)

    def _opened(self, opening: asyncio.Task[Line]) -> None:
        self._opening = None
        if not opening.cancelled() and opening.exception() is None:
            self._line = opening.result()

    async def _open(self, address: Mapping[str, Any], timeout_s: float) -> Line:
        closings = self._closings
        line = await Line.open(address, timeout_s)
        if closings != self._closings:
            line.close()
            raise StoreUnavailable("Redis does not answer: the connection was closed.")
        return line

    async def persist(self, key: str, timeout_ms: int) -> bool:
        """Ask whether all is on disk; see `Transport.persist`."""
        try:
            async with asyncio.timeout(DEADLINE_S):
                return is_on_disk(await self._block(key, *persisting(key, timeout_ms)))
        except TimeoutError:
            raise StoreUnavailable(f"Redis did not answer within {DEADLINE_S} s.") from None

    async def wait(self, stream: str, cursor: str, timeout_ms: int) -> list[tuple[str, dict[str, str]]]:
        """Block on a stream; see `Transport.wait`."""
        block = str(min(max(1, timeout_ms), int(self._longest_wait_s * 1000)))
        words = ("XREAD", "COUNT", str(WAIT_COUNT), "BLOCK", block, "STREAMS", stream, cursor)
        began = self._now()
        try:
            reply = await self._block(stream, words)
        except StoreUnavailable:
            self._note_lost_wait(stream, self._now() - began)
            raise
        self._lost_waits.pop(stream, None)
        if not reply:
            return []
        [[_, entries]] = reply
        return [(entry_id, dict(zip(flat[::2], flat[1::2], strict=True))) for entry_id, flat in entries]

    def _note_lost_wait(self, stream: str, seconds: float) -> None:
        """Two waits in succession that were lost after a silence: who closes those connections is to have no reason."""
        if seconds < LEAST_WAIT_S:
            return
        # Of one stream: a server that ends takes the waits of all shards at once.
        if stream in self._lost_waits:
            self._longest_wait_s = max(LEAST_WAIT_S, min(self._lost_waits[stream], seconds) * 0.75)
        self._lost_waits[stream] = seconds

    async def _block(self, key: str, *commands: Sequence[str]) -> Reply:
        """The answer to the last of some commands, for which the server may let us wait."""
        address = await self._address_of(key)
        line = self._idle_line(address) or await self._open(address, MAX_WAIT_S + WAIT_MARGIN_S)
        self._blocking.add(line)
        try:
            *_, last = [await answered(line.call(words)) for words in commands]
            return last
        finally:
            self._blocking.discard(line)
            if line.is_open and line.is_idle:
                self._idle.append(line)
            else:
                line.close()  # a wait that nobody waits for any more ends with its connection

    def _idle_line(self, address: Mapping[str, Any]) -> Line | None:
        """A connection to that server on which nobody waits."""
        self._idle = [line for line in self._idle if line.is_open]
        line = next((line for line in self._idle if line.address == address), None)
        if line is not None:
            self._idle.remove(line)
        return line

    async def _address_of(self, _: str) -> Mapping[str, Any]:
        """Where the server is that has a key."""
        return self._address

    async def close(self) -> None:
        """Close all connections; a call in flight ends with `StoreUnavailable`."""
        self._closings += 1
        lines = [*self._blocking, *self._idle, *([self._line] if self._line else [])]
        self._idle, self._line = [], None
        for line in lines:
            line.close()
        if self._opening is not None:
            await asyncio.wait([self._opening])


async def answered(answer: asyncio.Future[Reply], script: Script | None = None) -> Reply:
    """What the server answers.

    Raises:
        DtqError: what its error means.
    """
    try:
        return await answer
    except ReplyError as error:
        raise error_of(str(error), script) from None

"""One deadline for all that a request asks of Redis: each call has its own, but a page may take nine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar

from shared.errors import StoreUnavailable
from shared.scripts import Script
from shared.transports.base import Reply, Transport

#: A client hears of a failed store within 5 s, also where the machine has other things to do.
BUDGET_S = 4.5

_T = TypeVar("_T")


@asynccontextmanager
async def answered_in_time(budget_s: float = BUDGET_S) -> AsyncIterator[None]:
    """Surrounds calls that are not made through a request's own queue.

    Raises:
        StoreUnavailable: they took longer.
    """
    try:
        async with asyncio.timeout(budget_s):
            yield
    except TimeoutError:
        raise StoreUnavailable(f"Redis did not answer all calls within {budget_s} s.") from None


class DeadlineTransport:
    """A transport for one request; its time runs from its first call.

    Args:
        transport: what carries the calls.
        budget_s: for all calls together.
    """

    __slots__ = ("_budget_s", "_ends_at", "_transport")

    def __init__(self, transport: Transport, budget_s: float = BUDGET_S) -> None:
        self._transport = transport
        self._budget_s = budget_s
        self._ends_at: float | None = None

    async def run(self, script: Script, keys: Sequence[str], args: Sequence[str]) -> Reply:
        """Run a script; see `Transport.run`."""
        return await self._in_time(self._transport.run(script, keys, args))

    async def command(self, *words: str) -> Reply:
        """Run one plain command; see `Transport.command`."""
        return await self._in_time(self._transport.command(*words))

    async def persist(self, key: str, timeout_ms: int) -> bool:
        """Ask whether all is on disk; see `Transport.persist`."""
        return await self._in_time(self._transport.persist(key, timeout_ms))

    async def wait(self, stream: str, cursor: str, timeout_ms: int) -> list[tuple[str, dict[str, str]]]:
        """Entries of a stream; see `Transport.wait`."""
        return await self._in_time(self._transport.wait(stream, cursor, timeout_ms))

    async def close(self) -> None:
        """Nothing: the connection belongs to the application."""

    async def _in_time(self, call: Awaitable[_T]) -> _T:
        if self._ends_at is None:
            self._ends_at = asyncio.get_running_loop().time() + self._budget_s
        try:
            async with asyncio.timeout_at(self._ends_at):
                return await call
        except TimeoutError:
            raise StoreUnavailable(f"Redis did not answer all calls within {self._budget_s} s.") from None

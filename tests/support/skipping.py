"""An hour in a second: a loop whose clock jumps to the next timer whenever nothing else is to be done."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

import redis

from shared.scripts import Script
from shared.transports.base import error_of

_T = TypeVar("_T")


class _Selector(selectors.DefaultSelector):
    """Never waits: the time that it was to wait has passed."""

    skipped_s = 0.0

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0)
        if not ready and timeout:
            self.skipped_s += timeout
        return ready


class SkippingLoop(asyncio.SelectorEventLoop):
    """For code that touches no socket of its own loop."""

    def __init__(self) -> None:
        self._own_selector = _Selector()
        super().__init__(self._own_selector)

    def time(self) -> float:
        return super().time() + self._own_selector.skipped_s


def run_skipping(main: Coroutine[Any, Any, _T]) -> _T:
    """Run it to its end on such a loop."""
    with asyncio.Runner(loop_factory=SkippingLoop) as runner:
        return runner.run(main)


class DirectTransport:
    """To a real server by a blocking client: no socket is left to the loop."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client

    async def run(self, script: Script, keys: Any, args: Any) -> Any:
        return self._ask("EVAL", script.body, str(len(keys)), *keys, *args, script=script)

    async def command(self, *words: str) -> Any:
        return self._ask(*words)

    async def wait(self, stream: str, cursor: str, timeout_ms: int) -> Any:
        raise AssertionError("nobody waits over REST")

    async def close(self) -> None:
        return None

    def _ask(self, *words: str, script: Script | None = None) -> Any:
        try:
            return self._client.execute_command(*words)
        except redis.ResponseError as error:
            raise error_of(str(error), script) from None

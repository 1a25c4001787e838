"""Waiting for a condition instead of for the clock."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

_T = TypeVar("_T")


async def wait_until(
    look: Callable[[], _T | Awaitable[_T]], *, describe: str, timeout_s: float = 10.0, pause_s: float = 0.01
) -> _T:
    """Look until what is seen is true; fails with what was seen last."""
    deadline = time.monotonic() + timeout_s
    while True:
        seen = look()
        if inspect.isawaitable(seen):
            seen = await seen
        if seen:
            return seen  # type: ignore[return-value]  # an awaitable was awaited above
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout_s} s: {describe}; seen last: {seen!r}")
        await asyncio.sleep(pause_s)

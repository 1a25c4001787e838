"""Sync handlers in threads. A thread cannot be stopped: at a timeout the attempt ends, the thread goes on."""

from __future__ import annotations

import asyncio
import contextvars
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from worker_host.registry import Handler


class ThreadRunner:
    """A pool of threads.

    Args:
        size: most threads at once; a task that finds none waits for one.
    """

    def __init__(self, size: int) -> None:
        self._pool = ThreadPoolExecutor(size, thread_name_prefix="handler")

    async def run(self, handler: Handler, arguments: tuple[Any, ...]) -> Any:
        """The handler's return value; what it raises is raised here."""
        context = contextvars.copy_context()
        return await asyncio.get_running_loop().run_in_executor(
            self._pool, lambda: context.run(handler.function, *arguments)
        )

    def close(self) -> None:
        """Take no more work; a thread that still runs does not hold up the end of the process."""
        self._pool.shutdown(wait=False, cancel_futures=True)

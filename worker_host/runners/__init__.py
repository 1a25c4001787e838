"""Where handlers that are no coroutines run: threads that wait, child processes that compute."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from shared.codec import Claim
from worker_host.registry import Handler
from worker_host.runners.process import ProcessRunner
from worker_host.runners.thread import ThreadRunner


class Runners:
    """Both runners of a worker; each starts what it needs with its first task.

    Args:
        threads: most threads at once.
        children: most child processes at once.
        modules: handler modules that a child imports.
        memory_mb: most memory of a child, MiB; 0 for no limit.
    """

    def __init__(self, *, threads: int, children: int, modules: list[str], memory_mb: int = 0) -> None:
        self._thread = ThreadRunner(threads)
        self._process = ProcessRunner(children, modules, memory_mb)

    async def thread(self, handler: Handler, arguments: tuple[Any, ...]) -> Any:
        """Run a sync handler in a thread."""
        return await self._thread.run(handler, arguments)

    async def process(self, handler: Handler, claim: Claim, note: Callable[[str, str], None]) -> Any:
        """Run a handler in a child process, which is killed when this call is cancelled."""
        return await self._process.run(handler, claim, note)

    async def close(self) -> None:
        """End the children; threads end with the process."""
        await self._process.close()
        self._thread.close()

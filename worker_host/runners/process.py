"""Handlers that compute, in child processes that can be killed: at a timeout, a cancel, a crash."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections import deque
from collections.abc import Callable
from typing import Any

import msgspec

from shared.codec import Claim, decode
from worker_host.control import Reject, RetryAfter, Snooze
from worker_host.outcome import RemoteError, WorkerProcessDied
from worker_host.registry import Handler
from worker_host.runners.wire import LENGTH, MAX_MESSAGE, Answer, Request, pack

#: A child is replaced after so many attempts: what handlers leak ends with it.
MAX_ATTEMPTS_PER_CHILD = 500


class _Child:
    """One child process and how many attempts it has served."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.attempts = 0

    async def serve(self, request: Request, note: Callable[[str, str], None]) -> Answer:
        """Send an attempt, pass its notes on, and read its answer.

        Raises:
            WorkerProcessDied: the child ended before it answered.
        """
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.attempts += 1
        try:
            self.process.stdin.write(pack(request))
            await self.process.stdin.drain()
            while (answer := await self._read(self.process.stdout)).verdict == "note":
                note(answer.error, answer.result)
            return answer  # noqa: TRY300  # the loop reads it
        except (asyncio.IncompleteReadError, ConnectionError):
            code = await self.process.wait()
            reason = f"signal {-code}" if code < 0 else f"exit code {code}"
            raise WorkerProcessDied(f"the child process ended with {reason} while it ran this task") from None

    @staticmethod
    async def _read(stream: asyncio.StreamReader) -> Answer:
        size = LENGTH.unpack(await stream.readexactly(LENGTH.size))[0]
        if size > MAX_MESSAGE:
            raise WorkerProcessDied("the child process answered nonsense")
        return msgspec.json.decode(await stream.readexactly(size), type=Answer)

    async def end(self) -> None:
        """Kill it and wait for its end."""
        if self.process.returncode is None:
            try:
                self.process.kill()
            except ProcessLookupError:
                return
        await self.process.wait()


class ProcessRunner:
    """Children that wait for work; a task that finds none starts one, up to `size`.

    Args:
        size: most children at once; further tasks wait in order.
        modules: handler modules that a child imports.
        memory_mb: most memory of a child, MiB; 0 for no limit.
    """

    def __init__(self, size: int, modules: list[str], memory_mb: int = 0) -> None:
        self._modules = modules
        self._memory_mb = memory_mb
        self._places = asyncio.Semaphore(size)
        self._idle: deque[_Child] = deque()
        self._all: set[_Child] = set()

    async def run(self, handler: Handler, claim: Claim, note: Callable[[str, str], None]) -> Any:
        """The handler's return value.

        Raises:
            RemoteError: the handler raised.
            WorkerProcessDied: the child crashed; only this attempt fails.
            Reject, RetryAfter, Snooze: as the handler raised them.
        """
        async with self._places:
            child = self._idle.popleft() if self._idle else await self._start()
            try:
                answer = await child.serve(
                    Request(
                        claim.task_type,
                        claim.payload,
                        claim.id,
                        claim.queue,
                        claim.attempt,
                        claim.max_retries,
                        claim.traceparent,
                    ),
                    note,
                )
            except BaseException:  # a timeout or cancel arrives here, too: the child must not go on
                self._all.discard(child)
                await asyncio.shield(child.end())
                raise
            if child.attempts < MAX_ATTEMPTS_PER_CHILD:
                self._idle.append(child)
            else:
                self._all.discard(child)
                await child.end()
        return _result(answer)

    async def _start(self) -> _Child:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "worker_host.runners.child",
            str(self._memory_mb),
            *self._modules,
            stdin=PIPE,
            stdout=PIPE,
        )
        child = _Child(process)
        self._all.add(child)
        return child

    async def close(self) -> None:
        """End all children."""
        children, self._all = list(self._all), set()
        self._idle.clear()
        await asyncio.gather(*(child.end() for child in children))


def _result(answer: Answer) -> Any:
    """What an answer stands for in the parent."""
    if answer.verdict == "ok":
        return decode(answer.result)
    if answer.verdict == "reject":
        raise Reject(answer.message)
    if answer.verdict == "retry_after":
        raise RetryAfter(answer.seconds, answer.message)
    if answer.verdict == "snooze":
        raise Snooze(answer.seconds, answer.message)
    raise RemoteError(answer.error, answer.message, answer.traceback, answer.frame)

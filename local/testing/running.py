"""A worker inside a test: one task at a time, in order of service, until nothing is pending."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from local.testing.clock import Clock
from shared.codec import Claim, encode
from shared.models import Task
from shared.queue import Outcome, TaskQueue, WorkerState
from shared.queue.exchange import MAX_QUEUES
from shared.queue.scheduling import read_due
from worker_host.executor import Executor
from worker_host.identity import description, new_name
from worker_host.metrics import Metrics
from worker_host.registry import Registry, RunIn
from worker_host.runners import Runners
from worker_host.task_log import TaskLog

#: Longer than any test: only a clock that is moved while a handler runs can end it.
LEASE_MS = 3_600_000
MAX_RESULT_BYTES = 256 * 1024


class TestWorker:
    """Registers with all handlers, runs what is pending, leaves.

    Args:
        queue: the engine over the test's transport.
        registry: handlers of this test.
        clock: of the test.
    """

    __test__ = False

    def __init__(self, queue: TaskQueue, registry: Registry, clock: Clock) -> None:
        self._queue = queue
        self._registry = _in_reach(registry)
        self._clock = clock
        self._types = sorted(handler.task_type for handler in registry)
        self._state = WorkerState(new_name(), ["default"], self._types, LEASE_MS)
        self._ready = asyncio.Event()
        self._runners = Runners(threads=1, children=1, modules=[])
        self._executor = Executor(
            self._registry,
            self._runners,
            Metrics(),
            TaskLog(is_json=True, is_on=False),
            max_result_bytes=MAX_RESULT_BYTES,
            on_outcome=self._ready.set,
        )

    async def run(self, limit: int) -> list[Task]:
        """Run until nothing is pending; the tasks after each attempt, in order.

        Raises:
            RuntimeError: `limit` attempts were made and there is still work.
        """
        await self._queue.register(
            self._state, description(self._registry, ["default"], 1, LEASE_MS / 1000), self._published()
        )
        seen: list[Task] = []
        try:
            while (outcome := await self._next()) is not None:
                seen.append(await self._queue.get(outcome.task_id))
                if len(seen) >= limit:
                    raise RuntimeError(f"drain made {limit} attempts and is not done; do tasks submit tasks?")
        finally:
            await self._queue.leave(self._state)
            await self._runners.close()
        return seen

    def _published(self) -> dict[str, str]:
        return {handler.task_type: encode(handler.description(), "types") for handler in self._registry}

    async def _next(self) -> Outcome | None:
        """Run one task to the end of its attempt; None when no queue has one."""
        names = [queue.name for queue in (await self._queue.overview()).queues] or ["default"]
        is_more = True
        while is_more:
            is_more = False
            for start in range(0, len(names), MAX_QUEUES):
                self._state.queues = names[start : start + MAX_QUEUES]
                reply = await self._queue.exchange(self._state, free=1)
                for due in read_due(reply.due):
                    await self._queue.fire(due, self._clock.now())
                    is_more = True
                if reply.claims:
                    await self._queue.load_bodies(reply.claims)
                    return await self._attempt(reply.claims[0])
                is_more = is_more or reply.has_more
        return None

    async def _attempt(self, claim: Claim) -> Outcome:
        self._executor.start(claim)
        while not self._executor.outcomes:
            self._ready.clear()
            await self._ready.wait()
        outcomes = [*self._executor.take_notes(), *self._executor.outcomes]
        self._executor.outcomes.clear()
        await self._queue.exchange(self._state, outcomes, free=0)
        return outcomes[-1]


def _in_reach(registry: Registry) -> Registry:
    """The same handlers; those of child processes run in a thread, where a test's patches reach them."""
    reached = Registry()
    for handler in registry:
        is_far = handler.run_in is RunIn.PROCESS
        reached.add(replace(handler, run_in=RunIn.THREAD) if is_far else handler)
    return reached

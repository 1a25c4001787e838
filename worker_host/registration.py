"""Makes a worker known in each shard: at its start, and by a new name whenever its lease was lost."""

from __future__ import annotations

import asyncio
import contextlib

import structlog

from shared.codec import encode
from shared.errors import StoreError, StoreRefused, StoreUnavailable
from shared.queue import TaskQueue
from worker_host.identity import description, new_name
from worker_host.lane import Lane
from worker_host.registry import Registry

RETRY_S = 1.0

log = structlog.get_logger()


class Registration:
    """Registers lanes, each on its own: a shard whose server is away keeps no other waiting.

    Args:
        queue: the engine, over TCP.
        registry: the handlers that the worker knows.
        queues: all that it serves.
        slots: most tasks at once.
        lease_s: how long its lease holds, seconds.
        stop: the worker ends.
    """

    def __init__(
        self,
        queue: TaskQueue,
        registry: Registry,
        queues: list[str],
        slots: int,
        lease_s: float,
        stop: asyncio.Event,
    ) -> None:
        self._queue = queue
        self._stop = stop
        self._types = {handler.task_type: encode(handler.description(), "types") for handler in registry}
        self._description = description(registry, queues, slots, lease_s)
        self._is_settled = False
        #: a first shard has taken it: there may be work
        self.is_begun = asyncio.Event()

    async def keep(self, lane: Lane) -> None:
        """Keep a lane registered until the worker ends.

        Raises:
            StoreRefused: Redis refuses the password or the rights.
            ShardsDiffer: the namespace has another number of shards.
        """
        while await self._enter(lane):
            self.is_begun.set()
            lane.begin()
            if self._stop.is_set():
                return
            await lane.exchanger.is_lost.wait()
            # A new name and an empty lease, after the old one was reaped.
            lane.state.begin_anew(new_name())

    async def _enter(self, lane: Lane) -> bool:
        """Try until Redis has taken it; False when a stop came first."""
        while not self._stop.is_set():
            try:
                if not self._is_settled:
                    await self._queue.settle_shards()
                    self._is_settled = True
                await self._queue.register(lane.state, self._description, self._types)
            except StoreError as error:
                if isinstance(error, StoreRefused) and "256 workers" not in error.detail:
                    raise
                is_away = isinstance(error, StoreUnavailable)
                event = "Redis cannot be reached yet" if is_away else "cannot register yet"
                log.warning(event, message=error.detail, retry_in_s=RETRY_S)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stop.wait(), RETRY_S)
            else:
                return True
        return False

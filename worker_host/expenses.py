"""The duty that saves what this worker's Redis calls cost, seldom enough to cost next to nothing itself."""

from __future__ import annotations

import asyncio

import structlog

from shared.errors import StoreError
from shared.queue import TaskQueue
from shared.spending import Meter

#: Saved after so many calls, or an hour after the first of fewer.
CALLS = 2_000
SECONDS = 3_600.0
LOOK_S = 10.0

log = structlog.get_logger()


class Expenses:
    """Saves what `meter` counts.

    Args:
        queue: the engine.
        meter: of all queues of this process.
    """

    def __init__(self, queue: TaskQueue, meter: Meter) -> None:
        self._queue = queue
        self._meter = meter

    async def run(self) -> None:
        """Save whenever enough has come together, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_S)
            if self._meter.is_due(CALLS, SECONDS):
                await self.save()

    async def save(self) -> None:
        """Save what is unsaved; what cannot be saved is kept for the next time."""
        spent = self._meter.take()
        try:
            await self._queue.save_spent(spent)
        except StoreError as error:
            log.warning("the count of Redis calls could not be saved yet", message=error.detail)
            for source, calls in spent.items():
                self._meter.add(calls, source)

"""The duty that looks for trouble, when alerts are on and it is this worker's turn."""

from __future__ import annotations

import asyncio

import structlog

from shared.alerts import EVERY_S, Thresholds, look
from shared.errors import StoreError
from shared.notify import sender, targets_of
from shared.queue import TaskQueue
from worker_host.settings import WorkerSettings

log = structlog.get_logger()


class Watch:
    """Looks every five minutes; of all workers, requests and crons one in five minutes has the turn.

    Args:
        queue: the engine.
        settings: where alerts go and when they fire.
    """

    def __init__(self, queue: TaskQueue, settings: WorkerSettings) -> None:
        self._queue = queue
        self._environment = settings.namespace
        self._targets = targets_of(settings.alerts)
        self._limits = Thresholds(
            settings.alert_oldest_seconds, settings.alert_dead, settings.alert_no_worker_seconds
        )

    async def run(self) -> None:
        """Look until cancelled; without targets there is nothing to do."""
        while self._targets:
            await asyncio.sleep(EVERY_S)
            await self.look()
        await asyncio.Event().wait()

    async def look(self) -> None:
        """Look once; what fails is logged and tried again."""
        try:
            sent = await look(
                self._queue,
                sender(self._targets, self._queue),
                limits=self._limits,
                environment=self._environment,
            )
        except (StoreError, OSError) as error:
            log.warning("an alert could not be sent yet", message=str(error))
        else:
            for notice in sent:
                log.warning("alert", rule=notice.rule, is_over=notice.is_over, text=notice.text)

"""The duty that has everything that is stored looked through once in a while: see `shared.queue.repair`."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

import structlog

from shared.errors import StoreError
from shared.queue import TaskQueue
from worker_host.metrics import Metrics

#: How often it is asked whether an audit is due, at most; one worker of all does it.
LOOK_S = 3600.0
#: Between two slices: an audit has time, tasks have not.
PAUSE_S = 0.02

log = structlog.get_logger()


class Auditor:
    """Audits when the last one ended long ago, whoever made it.

    Args:
        queue: the engine.
        metrics: counts repairs.
        every_s: from the end of one audit to the next; 0 for never.
        may_go_on: asked before each slice; no ends it, and another goes on from there.
    """

    def __init__(
        self, queue: TaskQueue, metrics: Metrics, *, every_s: float, may_go_on: Callable[[], bool]
    ) -> None:
        self._queue = queue
        self._metrics = metrics
        self._every_s = every_s
        self._may_go_on = may_go_on

    async def run(self) -> None:
        """Look now and then, until cancelled."""
        if not self._every_s:
            await asyncio.Event().wait()
        while True:
            await asyncio.sleep(min(LOOK_S, self._every_s / 4) * (0.75 + random.random() / 2))
            await self.run_once()

    async def run_once(self) -> None:
        """Audit if it is due."""
        try:
            report = await self._queue.audit(
                may_go_on=self._may_go_on, every_s=self._every_s, pause_s=PAUSE_S
            )
        except StoreError as error:
            log.warning("the audit goes on later", message=error.detail)
            return
        for kind, number in report.repaired.items():
            self._metrics.repairs[kind] += number
        if report.repaired:
            log.warning("the audit repaired what disagreed", **report.repaired)
        if report.answer == "done":
            log.info("audit", repaired=sum(report.repaired.values()), unsettled=report.unsettled)

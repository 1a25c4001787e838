"""Alerts from requests and the cron: for the time when no worker lives to look."""

from __future__ import annotations

import logging
from time import monotonic

from api.budget import Budget, Level
from api.settings import ApiSettings
from shared.alerts import EVERY_S, Thresholds, look
from shared.errors import StoreError
from shared.notify import sender
from shared.queue import TaskQueue

_log = logging.getLogger(__name__)


class Watch:
    """Looks when asked, at most every five minutes for one instance.

    Args:
        settings: when alerts fire.
        targets: where they go; none switches them off.
        budget: of the month.
    """

    def __init__(self, settings: ApiSettings, targets: list[str], budget: Budget) -> None:
        self._targets = targets
        self._limits = Thresholds(
            settings.alert_oldest_seconds, settings.alert_dead, settings.alert_no_worker_seconds
        )
        self._environment = settings.namespace
        self._budget = budget
        self._next = 0.0

    async def look(self, queue: TaskQueue) -> None:
        """Look once; a request does not fail because an alert cannot be sent."""
        if not self._targets or monotonic() < self._next:
            return
        self._next = monotonic() + EVERY_S
        try:
            sent = await look(
                queue,
                sender(self._targets, queue),
                limits=self._limits,
                environment=self._environment,
                budget=self._said_of_budget(),
            )
        except (StoreError, OSError) as error:
            _log.warning("an alert could not be sent yet: %s", error)
        else:
            for notice in sent:
                _log.warning("alert %s: %s", notice.rule, notice.text)

    def _said_of_budget(self) -> str:
        if self._budget.level is Level.OK:
            return ""
        return (
            f"{self._budget.spent} of {self._budget.calls} Redis calls of this month are spent. "
            "See what spends them: GET /api/stats/cost."
        )

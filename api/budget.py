"""The monthly budget of Redis calls: what is spent, and what waits when it is used up."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable
from enum import StrEnum
from time import monotonic

from api.errors import BudgetSpent
from shared.queue import TaskQueue
from shared.spending import Ledger, Meter

#: An instance saves what it spent after so many calls: less than two in a hundred more.
SAVED_CALLS = 500
#: With a budget, how old the known sum may be, seconds.
STALE_S = 300.0
#: At the end of the budget tasks below this priority are refused; the default priority is not.
KEPT_PRIORITY = 5

_log = logging.getLogger(__name__)


class Level(StrEnum):
    """How far the month's budget is spent."""

    OK = "ok"
    """Less than 80 %, or there is none."""
    WARNING = "warning"
    """80 %: said in the overview and the log."""
    SLOW = "slow"
    """90 %: viewers are told to ask less often."""
    SPENT = "spent"
    """100 %: low priorities are refused; what is stored runs on."""


class Budget:
    """What this instance knows of the month's spending.

    Args:
        calls: of a month; None for no bound.
    """

    def __init__(self, calls: int | None) -> None:
        self.calls = calls
        self.meters = {source: Meter(source) for source in ("submit", "viewers")}
        self._known = 0
        self._asked_at = -math.inf
        self._told = Level.OK

    @property
    def spent(self) -> int:
        """Calls of this month as far as known here."""
        return self._known + sum(meter.total for meter in self.meters.values())

    @property
    def level(self) -> Level:
        """Judged by what is known; unknown counts as nothing spent."""
        if not self.calls:
            return Level.OK
        share = self.spent / self.calls
        bounds = ((1.0, Level.SPENT), (0.9, Level.SLOW), (0.8, Level.WARNING))
        return next((level for bound, level in bounds if share >= bound), Level.OK)

    async def keep(self, queue: TaskQueue) -> None:
        """Save what came together, and learn what others spent; as a rule does nothing.

        Raises:
            StoreError: Redis does not answer; what was to be saved is kept.
        """
        is_unknown = bool(self.calls) and monotonic() - self._asked_at > STALE_S
        if is_unknown or sum(meter.total for meter in self.meters.values()) >= SAVED_CALLS:
            await self.save(queue)

    async def save(self, queue: TaskQueue) -> Ledger:
        """Save all that is unsaved; the ledger of all sources."""
        taken = {source: sum(meter.take().values()) for source, meter in self.meters.items()}
        try:
            ledger = await queue.save_spent({source: calls for source, calls in taken.items() if calls})
        except BaseException:
            for source, calls in taken.items():
                self.meters[source].add(calls)
            raise
        self._known, self._asked_at = ledger.month_to_date, monotonic()
        if self.level is not self._told:
            self._told = self.level
            _log.warning("budget of Redis calls: %s, %d of %s spent", self._told, self.spent, self.calls)
        return ledger

    def check(self, priorities: Iterable[int]) -> None:
        """Let tasks of these priorities through.

        Raises:
            BudgetSpent: the budget is spent and one of them is low.
        """
        if self.level is Level.SPENT and min(priorities) < KEPT_PRIORITY:
            raise BudgetSpent(
                f"The month's budget of {self.calls} Redis calls is spent ({self.spent}): tasks of a priority below "
                f"{KEPT_PRIORITY} are refused until the month ends. Nothing was stored. Raise "
                f"MONTHLY_BUDGET_CALLS, or send a priority of {KEPT_PRIORITY} or more."
            )

"""Which queues an exchange looks at, and in which order: as named, or drawn by weight; 16 at a time."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence

from shared.queue.exchange import MAX_QUEUES


class Order:
    """The queues of one lease, in groups of 16 that consecutive exchanges look at in turn.

    An exchange that leaves slots free is followed by others until every group was looked at. What
    comes to a group later is told by a wake-up behind the cursor of the first of them: only that one
    is a place to wait from.

    Args:
        queues: in order of service.
        weights: how often each comes before the others, more often with more; None keeps the order. Without
            weights the order is strict within a group, and the groups take turns.
        uniform: draws from [0, 1).
    """

    def __init__(
        self,
        queues: Sequence[str],
        weights: dict[str, int] | None = None,
        uniform: Callable[[], float] = random.random,
    ) -> None:
        self._queues = list(queues)
        self._weights = weights
        self._uniform = uniform
        self._groups = self._divided(self._queues)
        self._at = 0
        self._left = len(self._groups)

    @staticmethod
    def _divided(queues: list[str]) -> list[list[str]]:
        return [queues[i : i + MAX_QUEUES] for i in range(0, len(queues), MAX_QUEUES)]

    def begin(self) -> None:
        """Look at every group: any of them may have work."""
        self._left = len(self._groups)

    @property
    def is_first(self) -> bool:
        """Whether every group is looked at with the next exchange or after it."""
        return self._left == len(self._groups)

    def current(self) -> Sequence[str]:
        """What the next exchange looks at; drawn anew when it begins with all of them."""
        if self._weights is not None and self._left in (0, len(self._groups)):
            self._groups, self._at = self._divided(self._drawn(self._weights)), 0
        return self._groups[self._at]

    def looked(self, *, is_filled: bool) -> bool:
        """Go on to the next group; True when one is left to be looked at.

        Args:
            is_filled: the exchange gave all that was asked for, so its queues may have more.
        """
        self._at = (self._at + 1) % len(self._groups)
        self._left = len(self._groups) if is_filled else max(0, self._left - 1)
        return self._left > 0

    def _drawn(self, weights: dict[str, int]) -> list[str]:
        """All queues in a random order in which each place is drawn by weight among those that are left."""
        # The first of several exponential waits belongs to each in proportion to its rate.
        return sorted(self._queues, key=lambda name: -math.log(1.0 - self._uniform()) / weights[name])

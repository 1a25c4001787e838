"""The clock of a test: it goes like any other, and can be moved ahead."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class Clock:
    """What the queue under test takes for the time: this machine's, and what was added to it."""

    def __init__(self) -> None:
        self._ahead = timedelta(0)

    @property
    def ahead_us(self) -> int:
        """How far it was moved, µs."""
        return self._ahead // timedelta(microseconds=1)

    def now(self) -> datetime:
        """The time of the queue under test, UTC."""
        return datetime.now(UTC) + self._ahead

    def advance(
        self, seconds: float = 0.0, *, minutes: float = 0.0, hours: float = 0.0, days: float = 0.0
    ) -> datetime:
        """Move it ahead; returns the new time.

        Nothing runs by that: `await queue.drain()` runs what has become due.

        Raises:
            ValueError: the sum is negative; tasks would start before they were submitted.
        """
        step = timedelta(seconds=seconds, minutes=minutes, hours=hours, days=days)
        if step < timedelta(0):
            raise ValueError(f"a clock of a queue never goes back, not even by {-step}")
        self._ahead += step
        return self.now()

    def advance_to(self, moment: datetime) -> datetime:
        """Move it ahead to a moment; one that has passed leaves it as it is."""
        if moment.tzinfo is None:
            raise ValueError("the moment needs a zone, such as datetime(2026, 12, 1, 8, tzinfo=UTC)")
        self._ahead = max(self._ahead, moment - datetime.now(UTC))
        return self.now()

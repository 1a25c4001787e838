"""What Redis calls cost by source and day: counted where they are made, saved now and then, never on their own."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from time import monotonic

#: Who causes calls: submissions, work on tasks, workers that wait, and those who look.
SOURCES = ("submit", "work", "idle", "viewers")


class Meter:
    """Counts calls by source until they are saved.

    Args:
        source: of what is added.
    """

    def __init__(self, source: str) -> None:
        self._source = source
        self._spent: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._since = monotonic()

    @property
    def total(self) -> int:
        """Calls that are not saved yet."""
        return sum(self._spent.values())

    def add(self, calls: int, source: str | None = None) -> None:
        """Count calls, of `source` instead of its own."""
        with self._lock:
            self._spent[source or self._source] += calls

    def move(self, calls: int, to: str) -> None:
        """Say of calls that were counted as its own that they were for `to`."""
        with self._lock:
            self._spent[self._source] -= calls
            self._spent[to] += calls

    def is_due(self, calls: int, seconds: float) -> bool:
        """Whether so many calls are unsaved, or some for so long."""
        return self.total >= calls or (self.total > 0 and monotonic() - self._since >= seconds)

    def take(self) -> dict[str, int]:
        """All that is unsaved, which then counts as saved."""
        with self._lock:
            taken, self._spent = +self._spent, Counter()
            self._since = monotonic()
        return dict(taken)


class Ledger:
    """What was spent on which day, by source.

    Args:
        now: the server's time.
        fields: `<day since 1970>:<source>` to calls, as stored.
    """

    def __init__(self, now: datetime, fields: Mapping[str, int]) -> None:
        self.now = now
        self.days: dict[date, dict[str, int]] = {}
        for field, calls in fields.items():
            day, _, source = field.partition(":")
            sums = self.days.setdefault(
                date(1970, 1, 1) + timedelta(days=int(day)), dict.fromkeys(SOURCES, 0)
            )
            sums[source] = sums.get(source, 0) + calls

    def of_day(self, day: date) -> int:
        """Calls of a day."""
        return sum(self.days.get(day, {}).values())

    @property
    def month_to_date(self) -> int:
        """Calls of this month (UTC), as Upstash bills it."""
        today = self.now.date()
        return sum(
            self.of_day(day) for day in self.days if (day.year, day.month) == (today.year, today.month)
        )

    def forecast(self) -> int:
        """Calls of the whole month, when the rest of it goes as the last seven days did."""
        today = self.now.date()
        passed = (self.now - datetime(today.year, today.month, today.day, tzinfo=UTC)) / timedelta(days=1)
        first = max(min(self.days, default=today), today - timedelta(days=6))
        span = (today - first).days + passed
        week = sum(self.of_day(first + timedelta(days=n)) for n in range((today - first).days + 1))
        next_month = (today.replace(day=28) + timedelta(days=4)).replace(day=1)
        left = (next_month - today).days - passed
        return self.month_to_date + (round(week / span * left) if span > 0 else 0)

"""What Redis calls cost by source and day: counted where they are made, saved now and then, never on their own."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from time import monotonic

#: Who causes calls: submissions, work on tasks, workers that wait, and those who look.
SOURCES = ("submit", "work", "idle", "viewers")
#: Counted beside them: tasks that were completed.
TASKS = "tasks"


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
        return sum(self._spent.values()) - self._spent[TASKS]

    def add(self, calls: int, source: str | None = None) -> None:
        """Count calls, of `source` instead of its own."""
        with self._lock:
            self._spent[source or self._source] += calls

    def move(self, calls: int, to: str) -> None:
        """Say of calls that were counted as its own that they were for `to`."""
        with self._lock:
            self._spent[self._source] -= calls
            self._spent[to] += calls

    def note_tasks(self, completed: int) -> None:
        """Count tasks."""
        self.add(completed, TASKS)

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
        self._tasks: dict[date, int] = {}
        for field, calls in fields.items():
            number, _, source = field.partition(":")
            day = date(1970, 1, 1) + timedelta(days=int(number))
            if source == TASKS:
                self._tasks[day] = calls
                continue
            sums = self.days.setdefault(day, dict.fromkeys(SOURCES, 0))
            sums[source] = sums.get(source, 0) + calls

    def of_day(self, day: date) -> int:
        """Calls of a day."""
        return sum(self.days.get(day, {}).values())

    @property
    def month_to_date(self) -> int:
        """Calls of this month (UTC), as Upstash bills it."""
        return sum(self.of_day(day) for day in self.days if self._is_this_month(day))

    @property
    def tasks_of_month(self) -> int:
        """Tasks that were completed this month, as far as workers have saved it."""
        return sum(tasks for day, tasks in self._tasks.items() if self._is_this_month(day))

    def _is_this_month(self, day: date) -> bool:
        return (day.year, day.month) == (self.now.year, self.now.month)

    @property
    def _passed(self) -> float:
        """Of today, 0 to 1."""
        today = self.now.date()
        return (self.now - datetime(today.year, today.month, today.day, tzinfo=UTC)) / timedelta(days=1)

    @property
    def _days_left(self) -> float:
        """Of the month."""
        today = self.now.date()
        next_month = (today.replace(day=28) + timedelta(days=4)).replace(day=1)
        return (next_month - today).days - self._passed

    @property
    def _a_day(self) -> float:
        """Calls a day, as the last seven days went."""
        today = self.now.date()
        first = max(min(self.days, default=today), today - timedelta(days=6))
        span = (today - first).days + self._passed
        week = sum(self.of_day(first + timedelta(days=n)) for n in range((today - first).days + 1))
        return week / span if span > 0 else 0.0

    def forecast(self) -> int:
        """Calls of the whole month, when the rest of it goes as the last seven days did."""
        return self.month_to_date + round(self._a_day * self._days_left)

    def reaches(self, calls: int) -> date | None:
        """The day of this month on which so many are spent at that pace; None when they last."""
        missing = calls - self.month_to_date
        if missing <= 0:
            return self.now.date()
        if missing >= self._a_day * self._days_left:
            return None
        return (self.now + timedelta(days=missing / self._a_day)).date()

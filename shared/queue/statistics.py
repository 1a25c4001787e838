"""Series by the minute: how many tasks came, started and ended, and how long they waited and ran."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from shared.errors import InvalidInput
from shared.models import Percentiles, QueueSeries, Stats, StepStats, instant
from shared.queue.base import QueueBase, together

MAX_MINUTES = 1_440
MAX_HOURS = 168
MINUTE_S, HOUR_S = 60, 3_600
#: Upper bounds of the histogram's buckets, ms; as in scripts/lib/stats.lua, where the last has none.
BUCKETS_MS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 30_000, 60_000, 300_000, math.inf)
_NAMES = ("submitted", "started", "completed", "retried", "dead", "cancelled")
_OF_QUEUE = ("submitted", "ended", "retried", "dead")
_LEVELS = ("pending", "running")


class _Level:
    """How many tasks of a queue are pending, or running, at the end of each step.

    Each minute in which something happened to the queue tells how many there were before and after; between
    such minutes nothing happened.
    """

    def __init__(self) -> None:
        self._told: dict[int, tuple[int, int]] = {}
        self._now = self._unseen = 0

    def tell(self, at: int, before: int, after: int) -> None:
        """Of one step."""
        self._told[at] = before, after

    def tell_now(self, present: int, unseen: int) -> None:
        """Of this instant, and how many of them came since the last exchange."""
        self._now, self._unseen = present, unseen

    def over(self, steps: int) -> list[int]:
        """A number a step; the last is the present's."""
        at_work = sorted(self._told)
        level = self._told[at_work[0]][0] if at_work else self._now - self._unseen
        found = []
        for at in range(steps - 1):
            level = self._told[at][1] if at in self._told else level
            found.append(level)
        return [*found, self._now]


class _Series:
    """Steps of equal length up to now, over all shards."""

    def __init__(self, now_ms: int, steps: int, step_s: int) -> None:
        self.now_ms = now_ms
        self.step_s = step_s
        self.first = now_ms // (1000 * step_s) - steps + 1
        self.steps = [_Step(dict.fromkeys(_NAMES, 0), {}, {}) for _ in range(steps)]
        self.queues: dict[str, dict[str, list[int]]] = {}
        self._levels: dict[str, dict[str, _Level]] = {}

    def add(self, begin_s: int, text: str) -> None:
        """Count in what is stored of the minute or hour that begins then; what lies before the series is left out.

        Args:
            begin_s: seconds since 1970.
            text: `<numbers>|<waits>|<runs>`, with `|<queues>` for minutes.
        """
        at = begin_s // self.step_s - self.first
        if not 0 <= at < len(self.steps):
            return
        numbers, waits, runs, queues = [*text.split("|"), ""][:4]
        self.steps[at].add(numbers, waits, runs)
        for word in queues.split():
            name, *figures = word.split(":")
            for kind, figure in zip(_OF_QUEUE, figures[:4], strict=True):
                self._queue(name)[kind][at] += int(figure)
            if figures[4:]:
                for kind, before, after in zip(_LEVELS, figures[4:6], figures[6:], strict=True):
                    self._level(name)[kind].tell(at, int(before), int(after))

    def add_flat(self, unit_s: int, flat: Sequence[str]) -> None:
        """The same for `number, text, …`, where the number counts units since 1970."""
        for i in range(0, len(flat), 2):
            self.add(int(flat[i]) * unit_s, flat[i + 1])

    def add_present(
        self, current: str, unseen: Sequence[str | int], levels: Sequence[str | int] = ()
    ) -> None:
        """The minute that is not over.

        Args:
            current: as stored.
            unseen: per queue, how many were submitted that no exchange has seen.
            levels: per queue, how many are pending, how many of these no exchange has seen, how many run.
        """
        if current:
            minute, _, text = current.partition(" ")
            self.add(int(minute) * MINUTE_S, text)
        for i in range(0, len(unseen), 2):
            self.steps[-1].numbers["submitted"] += int(unseen[i + 1])
            self._queue(str(unseen[i]))["submitted"][-1] += int(unseen[i + 1])
        for i in range(0, len(levels), 4):
            pending, fresh, running = map(int, levels[i + 1 : i + 4])
            level = self._level(str(levels[i]))
            level["pending"].tell_now(pending, fresh)
            level["running"].tell_now(running, 0)

    def _queue(self, name: str) -> dict[str, list[int]]:
        return self.queues.setdefault(name, {kind: [0] * len(self.steps) for kind in _OF_QUEUE})

    def _level(self, name: str) -> dict[str, _Level]:
        return self._levels.setdefault(name, {kind: _Level() for kind in _LEVELS})

    def _sums(self, kind: str) -> list[int | None]:
        """Over all queues; unknown by the hour, of which no levels are kept."""
        if self.step_s != MINUTE_S:
            return [None] * len(self.steps)
        of_queues = [levels[kind].over(len(self.steps)) for levels in self._levels.values()]
        return [sum(levels) for levels in zip(*of_queues, strict=True)] or [0] * len(self.steps)

    def told(self, *, with_queues: bool) -> Stats:
        """As it is answered."""
        pending, running = self._sums("pending"), self._sums("running")
        return Stats(
            now=instant(self.now_ms),
            since=self._time(0),
            step_seconds=self.step_s,
            points=[self._point(at, pending[at], running[at]) for at in range(len(self.steps))],
            wait=_percentiles([one.waits for one in self.steps]),
            run=_percentiles([one.runs for one in self.steps]),
            queues=[QueueSeries(name=name, **series) for name, series in sorted(self.queues.items())]
            if with_queues
            else None,
        )

    def _point(self, at: int, pending: int | None, running: int | None) -> StepStats:
        numbers, waits, runs = self.steps[at]
        return StepStats(
            at=self._time(at),
            **numbers,
            failed=numbers["retried"] + numbers["dead"],
            wait=_percentiles([waits]),
            run=_percentiles([runs]),
            pending=pending,
            running=running,
        )

    def _time(self, at: int) -> datetime:
        return datetime.fromtimestamp((self.first + at) * self.step_s, UTC)


class _Step(NamedTuple):
    """What happened in one minute or hour."""

    numbers: dict[str, int]
    waits: dict[int, int]
    runs: dict[int, int]

    def add(self, numbers: str, waits: str, runs: str) -> None:
        """Count in what is stored."""
        for name, n in zip(_NAMES, numbers.split(), strict=True):
            self.numbers[name] += int(n)
        for histogram, stored in ((self.waits, waits), (self.runs, runs)):
            for bucket, n in (pair.split(":") for pair in stored.split()):
                histogram[int(bucket)] = histogram.get(int(bucket), 0) + int(n)


class Statistics(QueueBase):
    """Operations that read series."""

    async def stats(self, minutes: int = 60, *, with_queues: bool = False) -> Stats:
        """What happened in the last `minutes` (1 to 1,440), this one included; three calls and one per hour, in each shard.

        Waits and runs are estimated from samples of at most ten tasks a call.

        Args:
            minutes: how far back.
            with_queues: tell the series of each queue, too; of at most 64 that something happened to in a minute.
        """
        if not 1 <= minutes <= MAX_MINUTES:
            raise InvalidInput("minutes", f"are {minutes}.", f"Ask for 1 to {MAX_MINUTES}.")
        replies = await together(
            self._run("stats", queues=keys.queues, prefix=keys.prefix, minutes=str(minutes))
            for keys in self.shards
        )
        series = _Series(max(reply[1] for reply in replies), minutes, MINUTE_S)
        for _, _, stored, current, unseen, levels in replies:
            series.add_flat(MINUTE_S, stored)
            series.add_present(current, unseen, levels)
        return series.told(with_queues=with_queues)

    async def stats_by_hour(self, hours: int = MAX_HOURS) -> Stats:
        """What happened in the last `hours` (1 to 168), this one included; four calls and one per day, in each shard."""
        if not 1 <= hours <= MAX_HOURS:
            raise InvalidInput("hours", f"are {hours}.", f"Ask for 1 to {MAX_HOURS}.")
        replies = await together(
            self._run("stats_hours", queues=keys.queues, prefix=keys.prefix, hours=str(hours))
            for keys in self.shards
        )
        series = _Series(max(reply[1] for reply in replies), hours, HOUR_S)
        for _, _, summed, minutes, current, unseen in replies:
            series.add_flat(HOUR_S, summed)
            series.add_flat(MINUTE_S, minutes)
            series.add_present(current, unseen)
        return series.told(with_queues=False)


def _percentiles(histograms: Sequence[dict[int, int]]) -> Percentiles | None:
    """None when nothing was sampled."""
    merged = [0] * (len(BUCKETS_MS) + 1)
    for histogram in histograms:
        for bucket, n in histogram.items():
            merged[bucket] += n
    if not sum(merged):
        return None
    return Percentiles(
        p50_ms=_quantile(merged, 0.5), p95_ms=_quantile(merged, 0.95), p99_ms=_quantile(merged, 0.99)
    )


def _quantile(merged: Sequence[int], share: float) -> float:
    """By linear interpolation within the bucket; the last one, which has no bound, tells its lower."""
    wanted, seen = share * sum(merged), 0
    for bucket in range(1, len(merged)):
        if merged[bucket] and seen + merged[bucket] >= wanted:
            lower = BUCKETS_MS[bucket - 2] if bucket > 1 else 0
            upper = BUCKETS_MS[bucket - 1]
            if math.isinf(upper):
                return float(lower)
            return round(lower + (upper - lower) * (wanted - seen) / merged[bucket], 2)
        seen += merged[bucket]
    return float(BUCKETS_MS[-2])

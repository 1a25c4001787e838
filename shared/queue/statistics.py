"""Series by the minute: how many tasks came, started and ended, and how long they waited and ran."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from shared.errors import InvalidInput
from shared.models import MinuteStats, Percentiles, Stats, instant
from shared.queue.base import QueueBase, together

MAX_MINUTES = 1_440
#: Upper bounds of the histogram's buckets, ms; as in scripts/lib/stats.lua, where the last has none.
BUCKETS_MS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 30_000, 60_000, 300_000, math.inf)
_NAMES = ("submitted", "started", "completed", "retried", "dead", "cancelled")


class _Minute(NamedTuple):
    """One minute, over all shards."""

    minute: int
    numbers: dict[str, int]
    waits: dict[int, int]
    runs: dict[int, int]

    def add(self, text: str) -> None:
        """Count in what is stored: `<numbers>|<waits>|<runs>`."""
        numbers, waits, runs = text.split("|")
        for name, n in zip(_NAMES, numbers.split(), strict=True):
            self.numbers[name] += int(n)
        for histogram, stored in ((self.waits, waits), (self.runs, runs)):
            for bucket, n in (pair.split(":") for pair in stored.split()):
                histogram[int(bucket)] = histogram.get(int(bucket), 0) + int(n)


class Statistics(QueueBase):
    """Operations that read series."""

    async def stats(self, minutes: int = 60) -> Stats:
        """What happened in the last `minutes` (1 to 1,440), this one included; two calls and one per hour, in each shard.

        Waits and runs are estimated from samples of at most ten tasks a call.
        """
        if not 1 <= minutes <= MAX_MINUTES:
            raise InvalidInput("minutes", f"are {minutes}.", f"Ask for 1 to {MAX_MINUTES}.")
        replies = await together(
            self._run("stats", queues=keys.queues, prefix=keys.prefix, minutes=str(minutes))
            for keys in self.shards
        )
        now_ms = max(reply[1] for reply in replies)
        first = now_ms // 60_000 - minutes + 1
        series = [
            _Minute(minute, dict.fromkeys(_NAMES, 0), {}, {}) for minute in range(first, first + minutes)
        ]
        for _, _, stored, current, unseen in replies:
            known = {int(stored[i]): stored[i + 1] for i in range(0, len(stored), 2)}
            if current:
                minute, _, text = current.partition(" ")
                known[int(minute)] = text
            for minute, text in known.items():
                if 0 <= minute - first < minutes:
                    series[minute - first].add(text)
            series[-1].numbers["submitted"] += unseen
        return Stats(
            now=instant(now_ms),
            since=_time(first),
            points=[_point(one) for one in series],
            wait=_percentiles([one.waits for one in series]),
            run=_percentiles([one.runs for one in series]),
        )


def _point(one: _Minute) -> MinuteStats:
    return MinuteStats(
        at=_time(one.minute),
        **one.numbers,
        failed=one.numbers["retried"] + one.numbers["dead"],
        wait=_percentiles([one.waits]),
        run=_percentiles([one.runs]),
    )


def _time(minute: int) -> datetime:
    return datetime.fromtimestamp(minute * 60, UTC)


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

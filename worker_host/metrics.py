"""Counters of one worker process: plain numbers in the hot path, Prometheus text when asked."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

BUCKETS_S = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 60.0, 300.0)
OUTCOMES = {
    "c": "completed",
    "f": "failed",
    "x": "rejected",
    "k": "cancelled",
    "s": "snoozed",
    "w": "rate_limited",
    "h": "handed_back",
}


class Metrics(Collector):
    """What this worker did since its start."""

    def __init__(self) -> None:
        self._ended: dict[tuple[str, str], int] = defaultdict(int)
        self._buckets: dict[str, list[int]] = defaultdict(lambda: [0] * (len(BUCKETS_S) + 1))
        self._seconds: dict[str, float] = defaultdict(float)
        self.exchanges = 0
        self.exchange_errors = 0
        self.handed_over = 0
        self.lost_outcomes = 0
        self.lost_leases = 0
        #: what audits of this worker put right, by kind
        self.repairs: dict[str, int] = defaultdict(int)
        #: read when asked: running tasks, slots, Redis calls
        self.gauges: dict[str, Callable[[], float]] = {}

    def ended(self, task_type: str, kind: str, elapsed_s: float) -> None:
        """Count an attempt that ended."""
        self._ended[task_type, kind] += 1
        self._buckets[task_type][bisect_left(BUCKETS_S, elapsed_s)] += 1
        self._seconds[task_type] += elapsed_s

    def collect(self) -> Iterator[Metric]:
        """The families of this worker."""
        attempts = CounterMetricFamily(
            "dtq_attempts", "Attempts that ended here.", labels=["task_type", "outcome"]
        )
        for (task_type, kind), count in list(self._ended.items()):
            attempts.add_metric([task_type, OUTCOMES[kind]], count)
        yield attempts
        durations = HistogramMetricFamily(
            "dtq_attempt_seconds", "How long attempts ran.", labels=["task_type"]
        )
        for task_type, counts in list(self._buckets.items()):
            durations.add_metric([task_type], _cumulative(counts), self._seconds[task_type])
        yield durations
        repairs = CounterMetricFamily("dtq_repairs", "What audits put right.", labels=["kind"])
        for kind, count in list(self.repairs.items()):
            repairs.add_metric([kind], count)
        yield repairs
        for name, text, value in (
            ("dtq_exchanges", "Exchanges answered by Redis.", self.exchanges),
            ("dtq_exchange_errors", "Exchanges that failed and were repeated.", self.exchange_errors),
            (
                "dtq_handed_over",
                "Tasks that came with a wake-up, claimed by their submission.",
                self.handed_over,
            ),
            ("dtq_lost_outcomes", "Outcomes that came after the lease had expired.", self.lost_outcomes),
            ("dtq_lost_leases", "Leases that expired while the worker lived.", self.lost_leases),
        ):
            yield CounterMetricFamily(name, text, value=value)
        for name, read in self.gauges.items():
            yield GaugeMetricFamily(name, name.replace("_", " "), value=read())

    def text(self) -> bytes:
        """Prometheus' text format."""
        registry = CollectorRegistry()
        registry.register(self)
        return generate_latest(registry)


def _cumulative(counts: list[int]) -> list[tuple[str, float]]:
    total = 0
    buckets = []
    for bound, count in zip((*map(str, BUCKETS_S), "+Inf"), counts, strict=True):
        total += count
        buckets.append((bound, float(total)))
    return buckets

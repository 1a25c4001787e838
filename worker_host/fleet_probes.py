"""Health and metrics of a pool: the parent asks its children over loopback and adds up."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import httpx
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families

from worker_host.metrics import Metrics
from worker_host.probes import Probes
from worker_host.settings import WorkerSettings

_TIMEOUT_S = 1.0


class FleetProbes:
    """One health port for all children of a pool.

    Args:
        settings: names the port; 0 for none.
        processes: how many children there are.
        own_calls: Redis calls of the pool itself.
    """

    def __init__(
        self, settings: WorkerSettings, processes: int, own_calls: Callable[[], int] = lambda: 0
    ) -> None:
        self._own_calls = own_calls
        self._settings = settings
        self._processes = processes
        self.child_ports = [_free_port() if settings.health_port else 0 for _ in range(processes)]
        self._probes: Probes | None = None

    def start(self, alive: Callable[[], int]) -> None:
        """Serve; `alive` counts the children that run."""

        def health() -> tuple[bool, dict[str, Any]]:
            reports = [self._ask(port, "/health") for port in self.child_ports]
            healthy = sum(1 for report in reports if report is not None and report.status_code == 200)
            facts = {
                "processes": self._processes,
                "alive": alive(),
                "healthy": healthy,
                "workers": [report.json() for report in reports if report is not None],
            }
            return healthy == self._processes, facts

        metrics = _FleetMetrics(
            lambda: [self._ask(port, "/metrics") for port in self.child_ports], self._own_calls
        )
        self._probes = Probes(self._settings.health_host, self._settings.health_port, health, metrics)
        self._probes.start()

    def stop(self) -> None:
        """Close the port."""
        if self._probes:
            self._probes.stop()

    @staticmethod
    def _ask(port: int, path: str) -> httpx.Response | None:
        try:
            return httpx.get(f"http://127.0.0.1:{port}{path}", timeout=_TIMEOUT_S, trust_env=False)
        except httpx.HTTPError:
            return None


class _FleetMetrics(Metrics):
    """The sums of what the children count."""

    def __init__(self, ask: Callable[[], list[httpx.Response | None]], own_calls: Callable[[], int]) -> None:
        super().__init__()
        self._ask = ask
        self._own_calls = own_calls

    def text(self) -> bytes:
        """Prometheus' text format, equal samples of the children added."""
        families: dict[str, Metric] = {}
        sums: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {}
        for response in self._ask():
            if response is None or response.status_code != 200:
                continue
            for family in text_string_to_metric_families(response.text):
                families.setdefault(family.name, Metric(family.name, family.documentation, family.type))
                for sample in family.samples:
                    key = (family.name + "\0" + sample.name, tuple(sorted(sample.labels.items())))
                    sums[key] = sums.get(key, 0.0) + sample.value
        calls = ("dtq_redis_calls\0dtq_redis_calls", ())
        if calls in sums:
            sums[calls] += self._own_calls()
        for (names, labels), value in sums.items():
            family_name, _, sample_name = names.partition("\0")
            families[family_name].add_sample(sample_name, dict(labels), value)
        registry = CollectorRegistry()
        registry.register(_Fixed(list(families.values())))
        return generate_latest(registry)


class _Fixed:
    """A collector of given families."""

    def __init__(self, families: list[Metric]) -> None:
        self._families = families

    def collect(self) -> list[Metric]:
        return self._families


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port

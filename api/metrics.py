"""The state of everything as Prometheus reads it (text format 0.0.4), from the one read of the overview."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from shared.models import Overview, QueueInfo

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_STATUSES = ("pending", "scheduled", "running", "retrying", "completed", "dead", "cancelled")

_Sample = tuple[dict[str, str], float]


def metrics_text(overview: Overview) -> str:
    """All families; what is not known has no sample."""
    oldest_s = overview.oldest_pending_seconds
    families: Sequence[tuple[str, str, Iterable[_Sample]]] = (
        (
            "dtq_tasks",
            "Tasks of each queue by status; of ended ones those that are still kept.",
            _by_status(overview.queues),
        ),
        (
            "dtq_queue_paused",
            "1 while a queue is paused.",
            [({"queue": queue.name}, float(queue.paused is not None)) for queue in overview.queues],
        ),
        ("dtq_workers", "Workers whose lease or presence holds.", [({}, len(overview.workers))]),
        (
            "dtq_worker_slots",
            "Tasks that these workers run at a time.",
            [({}, sum(worker.slots for worker in overview.workers))],
        ),
        (
            "dtq_oldest_pending_seconds",
            "Age of the oldest pending task; absent while none is pending.",
            [] if oldest_s is None else [({}, oldest_s)],
        ),
    )
    return "".join(_family(*family) for family in families)


def _by_status(queues: Sequence[QueueInfo]) -> list[_Sample]:
    return [
        ({"queue": queue.name, "status": status}, getattr(queue, status))
        for queue in queues
        for status in _STATUSES
    ]


def _family(name: str, text: str, samples: Iterable[_Sample]) -> str:
    lines = [f"# HELP {name} {text}", f"# TYPE {name} gauge"]
    lines += [f"{name}{_labels(labels)} {value:.15g}" for labels, value in samples]
    return "\n".join(lines) + "\n"


def _labels(labels: dict[str, str]) -> str:
    """Values are names and statuses of ours, in which nothing needs escaping."""
    pairs = ",".join(f'{name}="{value}"' for name, value in labels.items())
    return f"{{{pairs}}}" if pairs else ""

"""The part of the overview that a key which is bound to queues may see."""

from __future__ import annotations

from api.security.reach import Reach
from shared.models import Overview


def reached_part(overview: Overview, reach: Reach) -> Overview:
    """The overview of the caller's queues: their counts, and the workers that serve one of them.

    The oldest pending task is looked for over all queues, and versions are of all workers, so a bound key is
    told neither.
    """
    if reach.queues is None:
        return overview
    queues = [queue for queue in overview.queues if reach.has(queue.name)]
    workers = [worker for worker in overview.workers if any(map(reach.has, worker.queues))]
    counts = {status: sum(getattr(queue, status) for queue in queues) for status in overview.counts}
    return overview.model_copy(
        update={
            "queues": queues,
            "workers": workers,
            "counts": counts,
            "oldest_pending_seconds": None,
            "versions": [],
        }
    )

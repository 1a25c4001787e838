"""Opens the engine as a worker's settings say."""

from __future__ import annotations

from shared.queue import QueueOptions, TaskQueue
from shared.sealing import Sealer
from shared.settings import tcp_target
from shared.spending import Meter
from shared.transports import open_tcp
from worker_host.settings import WorkerSettings


def open_queue(settings: WorkerSettings, meter: Meter, sealer: Sealer | None = None) -> TaskQueue:
    """A queue over connections of its own; its calls are not repeated, the worker does that itself."""
    transport = open_tcp(
        tcp_target(settings),
        attempts=1,
        socket_timeout_s=max(0.5, min(5.0, settings.lease_seconds / 3)),
    )
    return TaskQueue(transport, QueueOptions.of(settings, sealer=sealer), meter)

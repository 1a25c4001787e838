"""Settings of a worker, from the command line and the environment."""

from __future__ import annotations

from pydantic import Field

from shared.models import NAME
from shared.queue.exchange import MAX_SERVED
from shared.settings import Settings

MAX_WEIGHT = 1000


class WorkerSettings(Settings):
    """What a worker reads from the environment; the command line wins."""

    lease_seconds: float = Field(default=30.0, ge=1, le=3600)
    """How long what this worker runs stays its own without a sign of life."""
    health_port: int = Field(default=0, ge=0, le=65_535)
    """Port of /health, /ready and /metrics; 0 for none."""
    health_host: str = "0.0.0.0"  # noqa: S104  # a probe comes from outside the container
    grace_seconds: float = Field(default=25.0, ge=0, le=3600)
    """How long running tasks may finish after SIGTERM before they are handed back."""
    blocked_seconds: float = Field(default=60.0, gt=0)
    """After so long a handler that blocks the event loop costs the worker its lease."""
    audit_seconds: float = Field(default=86_400.0, ge=0, le=366 * 86_400)
    """From one audit of all that is stored to the next, over all workers; 0 for none."""
    log_level: str = Field(default="info", pattern="(?i)^(debug|info|warning|error)$")
    queues: str = "default"
    concurrency: int = Field(default=20, ge=1, le=1000)
    processes: int = Field(default=1, ge=1, le=64)
    handlers: str = ""
    process_slots: int = Field(default=2, ge=1, le=64)
    """Child processes for handlers with run_in="process"."""
    process_memory_mb: int = Field(default=1024, ge=0, le=1024 * 1024)
    """Most memory of one of them, MiB; an attempt that needs more fails. 0 for no limit."""
    max_result_bytes: int = Field(default=256 * 1024, ge=1024, le=1024 * 1024)

    @property
    def queue_names(self) -> list[str]:
        """Served queues in order of service.

        Raises:
            ValueError: a name or weight is not valid, or there are more than 256.
        """
        words = [word.strip() for word in self.queues.split(",") if word.strip()]
        names = list(dict.fromkeys(word.partition("=")[0].strip() for word in words))
        wrong = [name for name in names if not NAME.fullmatch(name)]
        if wrong:
            raise ValueError(f"{wrong[0]!r} is no queue name: letters, digits, '.', '_', '-', at most 64")
        if not 1 <= len(names) <= MAX_SERVED:
            raise ValueError(f"{len(names)} queues; a worker serves 1 to {MAX_SERVED}")
        _weights_of(words)
        return names

    @property
    def queue_weights(self) -> dict[str, int] | None:
        """How often each queue comes first, where weights are named (1 where not); None for a strict order."""
        return _weights_of([word.strip() for word in self.queues.split(",") if word.strip()])

    @property
    def handler_modules(self) -> list[str]:
        """Modules of the user's handlers."""
        return [name.strip() for name in self.handlers.split(",") if name.strip()]


def _weights_of(words: list[str]) -> dict[str, int] | None:
    if not any("=" in word for word in words):
        return None
    weights: dict[str, int] = {}
    for word in words:
        name, has_weight, weight = (part.strip() for part in word.partition("="))
        if has_weight and not (weight.isascii() and weight.isdigit() and 1 <= int(weight) <= MAX_WEIGHT):
            raise ValueError(f"{weight!r} is no weight of {name}; name 1 to {MAX_WEIGHT}, as in {name}=5")
        weights.setdefault(name, int(weight) if has_weight else 1)
    return weights

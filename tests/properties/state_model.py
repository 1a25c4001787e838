"""What the state machine believes: tasks, workers, limits, and what each operation makes of them."""

from __future__ import annotations

from dataclasses import dataclass, field

from shared.models import Limit, TaskSubmission
from shared.queue import WorkerState
from shared.queue.exchange import Claim
from shared.queue.limiting import write_limit

LIVE = "SPRY"
ENDED = "CDX"
#: Of an outcome that is seen again: the statuses by which it is known to have been applied.
LEAVES = {"c": "C", "f": "YD", "x": "D", "k": "X", "s": "S", "w": "S", "h": "P"}
DAY_MS = 86_400_000


@dataclass
class Known:
    """A task as the model knows it; `letter` is empty when it is not kept any more."""

    id: str
    queue: str
    priority: int
    created: int
    spec: TaskSubmission
    letter: str
    due: int = 0
    attempt: int = 0
    worker: str = ""
    claim: int = 0
    is_asked: bool = False
    kept_until: int = 0

    @property
    def max_retries(self) -> int:
        return 3 if self.spec.max_retries is None else self.spec.max_retries

    @property
    def unique(self) -> tuple[str, str] | None:
        """The key of which it must be the only live task."""
        spec = self.spec
        if spec.unique_key is None or spec.debounce or spec.throttle_seconds is not None:
            return None
        return self.queue, spec.unique_key

    @property
    def field(self) -> str | None:
        """The limit key it counts against."""
        return f"{self.queue}:{self.spec.limit_key}" if self.spec.limit_key else None

    @property
    def expires_ms(self) -> float:
        return self.spec.expires_at.timestamp() * 1000 if self.spec.expires_at else float("inf")

    def end(self, letter: str, now: int, retention_ms: int) -> None:
        kept = now + retention_ms
        if self.spec.idempotency_key is not None:
            kept = max(kept, self.created + DAY_MS)
        self.letter, self.kept_until, self.is_asked = letter, kept, False

    def start(self, worker: str, claim: int) -> None:
        self.letter, self.attempt = "R", self.attempt + 1
        self.worker, self.claim, self.is_asked = worker, claim, False

    def fate_when_lost(self) -> str:
        """What becomes of it when its worker's lease ends."""
        return "X" if self.is_asked else "D" if self.attempt > self.max_retries else "P"


@dataclass
class Hand:
    """A worker: what it knows, what it holds, whom it was asked to cancel and not told yet."""

    state: WorkerState
    held: dict[str, Claim] = field(default_factory=dict)
    untold: set[str] = field(default_factory=set)
    is_gone: bool = False


@dataclass
class Bounds:
    """Limits in force, and what starts have made of their rates (GCRA): when the next one is on time, ms."""

    stored: dict[str, Limit] = field(default_factory=dict)
    on_time: dict[str, float] = field(default_factory=dict)
    held_until: dict[str, int] = field(default_factory=dict)

    def of(self, name: str) -> Limit | None:
        """Of a queue, or of `<queue>:<limit key>`."""
        if name in self.stored or ":" not in name:
            return self.stored.get(name)
        return self.stored.get(f"{name.partition(':')[0]}:*")

    def change(self, name: str, limit: Limit | None) -> None:
        """What was counted by another limit says nothing of this one."""
        self.stored.pop(name, None)
        if limit is not None:
            self.stored[name] = limit
        queue, _, key = name.partition(":")
        for table in (self.on_time, self.held_until):
            for one in list(table):
                if one == name or (key == "*" and one.startswith(f"{queue}:")):
                    del table[one]

    def start(self, name: str, now: float) -> str | None:
        """A task starts under a limit at `now`, ms; returns what is wrong with that."""
        if now < self.held_until.get(name, 0):
            return f"{name} is held until {self.held_until[name]}, a task started at {now:.3f}"
        limit = self.of(name)
        if limit is None or limit.rate is None:
            return None
        interval, slack = map(float, write_limit(limit.model_copy(update={"concurrency": 1})).split()[1:])
        early = self.on_time.get(name, now) - now
        if early > slack + 0.01:
            return f"{name} starts {early - slack:.3f} ms before its rate {limit.rate} lets it"
        self.on_time[name] = max(self.on_time.get(name, now), now) + interval
        return None

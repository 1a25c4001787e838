"""What the parts of `TaskQueue` stand on: transport, keys, limits, and the count of what calls cost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from shared.errors import (
    Conflict,
    DtqError,
    InvalidInput,
    NotFound,
    ShardsDiffer,
    StoreError,
    StoreRefused,
    StoreUnavailable,
)
from shared.ids import ALPHABET
from shared.keys import MAX_SHARDS, Keys, shard_of_queue
from shared.scripts import Value, script
from shared.sealing import Sealer
from shared.spending import Meter
from shared.transports.base import Reply, ScriptSignal, Transport

if TYPE_CHECKING:
    from shared.settings import Settings

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class QueueOptions:
    """What all operations share.

    Attributes:
        namespace: prefix of every key.
        retention_s: how long an ended task is kept that names no time of its own, seconds.
        dead_retention_s: the same of a dead task: somebody is to look at it.
        keep: ended tasks kept per status, whatever their age.
        dead_keep: dead tasks kept.
        max_payload_bytes: of one payload as JSON text.
        is_durable: a submission waits until the server's disk has it.
        shards: into how many parts the queues are divided, 1 to 32; the same for a namespace for ever.
        sealer: encrypts payloads, results and schedules; None stores them as they are.
    """

    namespace: str = "production"
    retention_s: int = 7 * 86_400
    dead_retention_s: int = 30 * 86_400
    keep: int = 100_000
    dead_keep: int = 100_000
    max_payload_bytes: int = 256 * 1024
    shards: int = 1
    is_durable: bool = False
    sealer: Sealer | None = field(default=None, repr=False)

    @property
    def retention_text(self) -> str:
        """As scripts take it: ms, then ms of dead tasks."""
        return f"{self.retention_s * 1000} {self.dead_retention_s * 1000}"

    @property
    def keep_text(self) -> str:
        """As scripts take it: tasks per status, then dead ones."""
        return f"{self.keep} {self.dead_keep}"

    @classmethod
    def of(cls, settings: Settings, **others: Any) -> QueueOptions:
        """What both sides' settings say; `others` are fields by name."""
        return cls(
            namespace=settings.namespace,
            retention_s=settings.retention_seconds,
            dead_retention_s=settings.dead_retention_seconds,
            keep=settings.retention_count,
            dead_keep=settings.dead_retention_count,
            shards=settings.dtq_shards,
            is_durable=settings.durability == "strict",
            **others,
        )


class QueueBase:
    """Runs scripts by name and sums their price.

    What is said of one queue or task goes to its shard; what is said of all goes to each shard, at the
    same time, at its price for each.

    Attributes:
        shards: the keys of each shard.
        meter: counts by source what this object's calls cost; None counts nothing.
        quiet_queues: names of queues into which a lone task was submitted last while nothing waited there; objects
            of one process share them.
    """

    def __init__(
        self,
        transport: Transport,
        options: QueueOptions | None = None,
        meter: Meter | None = None,
        quiet_queues: set[str] | None = None,
    ) -> None:
        self.transport = transport
        self.meter = meter
        self.options = options or QueueOptions()
        if not 1 <= self.options.shards <= MAX_SHARDS:
            raise InvalidInput("shards", f"are {self.options.shards}.", f"Name 1 to {MAX_SHARDS}.")
        self.shards = [Keys(self.options.namespace, shard) for shard in range(self.options.shards)]
        self._calls = 0
        self.quiet_queues = set() if quiet_queues is None else quiet_queues

    @property
    def calls(self) -> int:
        """Redis calls that this object has caused since it was made, inner ones included.

        A call that failed counts as one.
        """
        return self._calls

    @calls.setter
    def calls(self, calls: int) -> None:
        if self.meter:
            self.meter.add(calls - self._calls)
        self._calls = calls

    def also_cost(self, calls: int) -> None:
        """Add to `calls` what another object has called for this one's caller; that one's meter has it."""
        self._calls += calls

    def shard_of(self, queue: str) -> int:
        """The number of the shard in which a queue lives."""
        return shard_of_queue(queue, len(self.shards)) if len(self.shards) > 1 else 0

    def keys_of_queue(self, queue: str) -> Keys:
        """The keys of the shard in which a queue lives."""
        return self.shards[self.shard_of(queue)]

    def keys_of_task(self, task_id: str) -> Keys:
        """The keys of the shard that an id names.

        Raises:
            NotFound: there is no such shard, so no such task.
        """
        shard = ALPHABET.find(task_id[:1])
        if not 0 <= shard < len(self.shards):
            raise NotFound(f"Task {task_id} is not kept. Its id names a shard that this namespace has not.")
        return self.shards[shard]

    def _check_shards(self, settled: int) -> None:
        if settled != len(self.shards):
            raise ShardsDiffer(
                f"DTQ_SHARDS: is {len(self.shards)}, but the namespace {self.options.namespace} was begun with "
                f"{settled}, by which its queues are divided. Set DTQ_SHARDS={settled}, or name another DTQ_NAMESPACE."
            )

    async def _where_known(self, ask: Callable[[Keys], Awaitable[_T]]) -> list[_T]:
        """What `ask` answers in the shards that know what it names; one call a shard.

        Raises:
            NotFound: none of them does.
        """
        results = await asyncio.gather(*map(ask, self.shards), return_exceptions=True)
        answers: list[_T] = []
        unknown: NotFound | None = None
        for result in results:
            if isinstance(result, NotFound):
                unknown = result
            elif isinstance(result, BaseException):
                raise result
            else:
                answers.append(result)
        if unknown is not None and not answers:
            raise unknown
        return answers

    async def _run(self, script_name: str, **values: Value) -> Sequence[Reply]:
        """Run a script; its reply begins with the price, which is counted."""
        program = script(script_name)
        keys, args = program.pack(**values)
        try:
            reply = await self.transport.run(program, keys, args)
        except ScriptSignal as signal:
            self.calls += signal.price
            raise _meaning(signal) from None
        except StoreError:
            self.calls += 1  # it was sent; what it did is not known
            raise
        if not isinstance(reply, list) or not reply or not isinstance(reply[0], int):
            raise StoreUnavailable(f"Redis answered nonsense to {script_name}: {str(reply)[:80]!r}")
        self.calls += reply[0]
        return reply

    async def _command(self, *words: str) -> Reply:
        """Run one plain command that reads; it is counted even when it fails."""
        self.calls += 1
        return await self.transport.command(*words)


async def together(calls: Iterable[Awaitable[_T]]) -> list[_T]:
    """All at once, as a rule one a shard; each is awaited to its end before the first failure is raised."""
    waiting = list(calls)
    if len(waiting) == 1:
        return [await waiting[0]]
    results = await asyncio.gather(*waiting, return_exceptions=True)
    answers: list[_T] = []
    for result in results:
        if isinstance(result, BaseException):
            raise result
        answers.append(result)
    return answers


def _meaning(signal: ScriptSignal) -> DtqError:
    """The error that a code stands for when no operation gives it a closer one."""
    if signal.code in ("DTQ_IDEMPOTENCY_CONFLICT", "DTQ_UNIQUE_CONFLICT", "DTQ_RATE_LIMITED"):
        return signal
    kind, detail = _MEANINGS.get(signal.code, (Conflict, str(signal)))
    return kind(detail)


_MEANINGS: dict[str, tuple[type[DtqError], str]] = {
    "DTQ_NOT_FOUND": (NotFound, "No task of that id is kept. Ended tasks are removed after their retention."),
    "DTQ_NO_WORKER": (NotFound, "No worker of that name is registered. It may have ended."),
    "DTQ_NO_SCHEDULE": (NotFound, "No schedule of that id is stored."),
    "DTQ_NO_QUEUE": (NotFound, "No queue of that name was ever used."),
    "DTQ_NO_GROUP": (
        NotFound,
        "No dead task is in this group. GET /api/dead-letters/groups lists the groups.",
    ),
    "DTQ_NO_JOB": (NotFound, "No bulk operation of that id is kept. Ended ones are removed after a day."),
    "DTQ_TOO_MANY_JOBS": (
        Conflict,
        "100 bulk operations go on, which is the most. Wait for one to end, or cancel one.",
    ),
    "DTQ_TOO_MANY_SCHEDULES": (Conflict, "1,000 schedules are stored, which is the most. Remove some."),
    "DTQ_TOO_MANY_LIMITS": (
        Conflict,
        "1,000 keys of this queue have a limit of their own, which is the most. Lift some.",
    ),
    "DTQ_TOO_MANY_WORKERS": (
        StoreRefused,
        "256 workers are registered, which is the most. Stop some, or wait for dead ones to expire.",
    ),
}


def who(by: str) -> str:
    """A name for records and the audit log: words that are harmless in JSON.

    A second line of `by` is the id of the request that asked: the scripts keep it in the audit log
    alone (`scripts/lib/audit.lua`).
    """
    name, _, request = by.partition("\n")
    return f"{_word(name) or 'unknown'}\n{_word(request)}".rstrip("\n")


def _word(text: str) -> str:
    return "".join(c if c.isalnum() or c in "._@-" else "-" for c in text)[:128]

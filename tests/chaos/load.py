"""The tasks of a chaos run: what is attempted, what was acknowledged, what may become of each."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from shared.errors import Conflict, DtqError, NotFound, StoreError
from shared.ids import derived_id
from shared.models import TaskSubmission
from shared.queue import TaskQueue

#: the last one gets tasks that come alone: into an empty queue mostly, so workers are handed them
QUEUES = ("first", "second", "lone")
#: share of each kind of task
KINDS = {
    "work": 50,
    "long": 5,
    "delayed": 12,
    "novel": 8,
    "flaky": 8,
    "snoozing": 5,
    "doomed": 3,
    "rejected": 2,
    "large": 3,
    "cancelled": 4,
    "limited": 12,
    "in turn": 8,
}
#: at once of each limit key, in every queue
KEY_LIMIT = 3
LIMIT_KEYS = ("a", "b")
FAIR_KEYS = ("big", "big", "big", "small")
#: the letters of the records in which each kind may end
ENDINGS = {"doomed": "D", "rejected": "D", "cancelled": "XC"}
ENDING = "C"
#: enough that no task dies of lost workers
MANY_RETRIES = 100


@dataclass(slots=True)
class Attempted:
    """A task that was submitted, whether or not anybody knows that it was stored.

    Attributes:
        acknowledged_at: when the submission was answered; None before.
        is_unknown: a try failed without telling whether it had been carried out.
        queue: where it waits.
        limit_key: of which so many may run at once.
    """

    task_id: str
    kind: str
    acknowledged_at: float | None = None
    is_unknown: bool = False
    queue: str = ""
    limit_key: str | None = None

    @property
    def groups(self) -> tuple[str, ...]:
        """What it counts for under limits: its queue, and its limit key there."""
        return (self.queue, f"{self.queue}:{self.limit_key}") if self.limit_key else (self.queue,)

    @property
    def endings(self) -> str:
        return ENDINGS.get(self.kind, ENDING)


@dataclass
class Load:
    """Submits tasks at a steady mean rate, and repeats what is unknown until it is known.

    Args:
        queue: the engine, over TCP.
        seed: what is submitted depends on it alone.
        tasks: how many.
        seconds: within how long.
        queues: where they go; a batch goes to one of them when they are in several shards.
        kinds: share of each kind of task.
    """

    queue: TaskQueue
    seed: int
    tasks: int
    seconds: float
    queues: tuple[str, ...] = QUEUES
    kinds: Mapping[str, int] = field(default_factory=lambda: KINDS)
    attempted: dict[str, Attempted] = field(default_factory=dict)
    errors: dict[str, int] = field(default_factory=dict)
    _under_way: set[asyncio.Task[None]] = field(default_factory=set)

    async def run(self) -> None:
        """Until everything was acknowledged."""
        draw = random.Random(f"load {self.seed}")
        began, sent = monotonic(), 0
        while sent < self.tasks:
            size = min(self.tasks - sent, draw.choice((1, 1, 1, 2, 5, 20)))
            homes = self.queues[-1:] if size == 1 else self.queues[:-1]
            if len(self.queue.shards) > 1:
                homes = (draw.choice(self.queues),)
            batch = [self._task(draw, sent + n, homes) for n in range(size)]
            self._start(self._submit(batch))
            sent += size
            await asyncio.sleep(began + self.seconds * sent / self.tasks - monotonic())
        while self._under_way:
            await asyncio.gather(*self._under_way)

    def _start(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    def _task(
        self, draw: random.Random, number: int, queues: tuple[str, ...]
    ) -> tuple[TaskSubmission, Attempted]:
        kind = draw.choices(list(self.kinds), list(self.kinds.values()))[0]
        task_type = kind if kind in ("flaky", "snoozing", "doomed", "rejected", "novel") else "work"
        payload: dict[str, Any] = {"number": number, "seconds": round(draw.uniform(0, 0.2), 3)}
        options: dict[str, Any] = {"max_retries": MANY_RETRIES}
        if kind in ("long", "cancelled"):
            payload["seconds"] = round(draw.uniform(1.5, 4), 3)
        elif kind == "delayed":
            options["delay_seconds"] = round(draw.uniform(0.3, 5), 3)
        elif kind == "flaky":
            payload["failures"] = draw.randint(1, 2)
        elif kind == "doomed":
            options["max_retries"] = 1
        elif kind == "large":
            payload |= {"filler": "x" * 20_000, "size": 20_000}
        elif kind == "limited":
            payload["seconds"] = round(draw.uniform(0.2, 0.6), 3)
            options["limit_key"] = draw.choice(LIMIT_KEYS)
        elif kind == "in turn":
            options["fair_key"] = draw.choice(FAIR_KEYS)
        key, queue = f"{self.seed}-{number}", draw.choice(queues)
        submission = TaskSubmission(
            task_type=task_type,
            payload=payload,
            queue=queue,
            priority=draw.randint(1, 10),
            idempotency_key=key,
            **options,
        )
        task_id = derived_id(self.queue.shard_of(queue), queue, key)
        attempted = Attempted(task_id, kind, queue=queue, limit_key=submission.limit_key)
        self.attempted[attempted.task_id] = attempted
        return submission, attempted

    async def _submit(self, batch: list[tuple[TaskSubmission, Attempted]]) -> None:
        submissions = [submission for submission, _ in batch]
        while True:
            try:
                stored = await self.queue.submit(submissions)
            except StoreError as error:
                self._count(error)
                for _, attempted in batch:
                    attempted.is_unknown = True
                await asyncio.sleep(0.2)
            else:
                break
        for one, (_, attempted) in zip(stored, batch, strict=True):
            if one.id != attempted.task_id:
                raise AssertionError(f"stored as {one.id}, expected {attempted.task_id}")
            attempted.acknowledged_at = monotonic()
            if attempted.kind == "cancelled":
                self._start(self._cancel(attempted.task_id))

    async def _cancel(self, task_id: str) -> None:
        await asyncio.sleep(random.Random(task_id).uniform(0, 2))
        while True:
            try:
                await self.queue.cancel(task_id)
            except Conflict:
                return
            except NotFound:
                return
            except StoreError as error:
                self._count(error)
                await asyncio.sleep(0.2)
            else:
                return

    def _count(self, error: DtqError) -> None:
        name = type(error).__name__
        self.errors[name] = self.errors.get(name, 0) + 1

"""What limits and fairness cost those that do not use them, and what turns cost those that do.

Both sides of a ratio run in turns on servers of their own; of each the median round counts.
"""

from __future__ import annotations

import asyncio
import time
from statistics import median

from shared.models import Limit, RateLimit, TaskSubmission
from shared.queue import Outcome, TaskQueue, WorkerState
from tests.benchmarks.measure import RESULT, fresh_server, open_queue, scaled, show
from tests.support.factories import registered

ROUNDS = 15
TASKS = 4_000
CUSTOMERS = 50
SLOW = Limit(concurrency=1, rate=RateLimit(limit=1, period_seconds=3_600))


def run() -> None:
    """Limits first, then fairness."""
    asyncio.run(_run())


async def _run() -> None:
    with fresh_server() as (one, _), fresh_server() as (other, _):
        plain, limited = open_queue(one), open_queue(other)
        states = [await registered(queue, "default", "slow") for queue in (plain, limited)]
        await limited.limit_queue("other", Limit(concurrency=5), by="benchmark")
        await limited.limit_keys("slow", SLOW, by="benchmark")
        await limited.submit([_task(n, queue="slow", limit_key=f"k{n % CUSTOMERS}") for n in range(1000)])
        # One of each key starts and goes on running; the others are parked.
        await _drain(limited, states[1])
        rates: list[list[float]] = [[], []]
        for _ in range(min(ROUNDS, scaled(ROUNDS * 10))):
            for side, queue in enumerate((plain, limited)):
                await _fill(queue, "default", None)
                rates[side].append(await _drain(queue, states[side], "default"))
        without, beside = map(median, rates)
        show(
            "Unlimited tasks, tasks/s (at least 0.95)",
            {"no limits": without, "limits in use beside them": beside, "ratio": f"{beside / without:.3f}"},
        )
        for queue in (plain, limited):
            await queue.transport.close()
    await _fairness()


async def _fairness() -> None:
    with fresh_server() as (one, _), fresh_server() as (other, _):
        queues = [open_queue(server) for server in (one, other)]
        states = [await registered(queue) for queue in queues]
        submitted: list[list[float]] = [[], []]
        drained: list[list[float]] = [[], []]
        for _ in range(min(ROUNDS, scaled(ROUNDS * 10))):
            for side, queue in enumerate(queues):
                submitted[side].append(await _fill(queue, "default", CUSTOMERS if side else None))
                drained[side].append(await _drain(queue, states[side]))
        (plain_in, fair_in), (plain_out, fair_out) = (map(median, rates) for rates in (submitted, drained))
        show(
            "Turns, tasks/s",
            {
                "submitted in batches without": plain_in,
                "submitted in batches with fair keys": fair_in,
                "ratio of submissions": f"{fair_in / plain_in:.3f}",
                "worked off without": plain_out,
                "worked off with fair keys": fair_out,
                "ratio of work": f"{fair_out / plain_out:.3f}",
            },
        )
        for queue in queues:
            await queue.transport.close()


def _task(n: int, **fields: object) -> TaskSubmission:
    return TaskSubmission(task_type="noop", payload={"n": n, "text": "x" * 183}, **fields)  # type: ignore[arg-type]


async def _fill(queue: TaskQueue, name: str, customers: int | None) -> float:
    """Tasks a second, submitted by 1,000."""
    batches = [
        [
            _task(n, queue=name, fair_key=f"customer-{n % customers}" if customers else None)
            for n in range(first, first + 1000)
        ]
        for first in range(0, TASKS, 1000)
    ]
    started = time.perf_counter()
    for batch in batches:
        await queue.submit(batch)
    return TASKS / (time.perf_counter() - started)


async def _drain(queue: TaskQueue, state: WorkerState, ends: str = "default") -> float:
    """Claims and ends what there is; claims of other queues go on running. Tasks a second."""
    started, done = time.perf_counter(), 0
    outcomes: list[Outcome] = []
    while True:
        reply = await queue.exchange(state, outcomes, free=100, maintain=not outcomes)
        outcomes = [Outcome(c.id, c.number, "c", RESULT) for c in reply.claims if c.queue == ends]
        done += len(outcomes)
        if not reply.claims:
            return done / (time.perf_counter() - started)

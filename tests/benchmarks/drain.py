"""How fast waiting tasks are worked off: the floor without handlers, and the worker process.

The handler does nothing, the payload has 200 bytes, the result about 100.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Sequence
from statistics import median

import uvloop

from shared.queue import Outcome, TaskQueue
from tests.benchmarks.measure import (
    RESULT,
    counted,
    fill,
    fresh_server,
    open_queue,
    scaled,
    script_time,
    show,
)
from tests.support.factories import registered
from tests.support.workers import WorkerProcess

TASKS = 60_000
CONCURRENCY = 100
ROUNDS = 5


def run() -> None:
    """Both, the floor first: the worker's figure is read beside it."""
    floors, alone, together = [], [], []
    cores = os.cpu_count() or 1
    for _ in range(min(ROUNDS, scaled(ROUNDS * 10))):
        floors.append(uvloop.run(_floor()))
        alone.append(asyncio.run(_worker_process(1)))
        together.append(asyncio.run(_worker_process(cores)))
    ratios = [worker / floor for worker, floor in zip(alone, floors, strict=True)]
    show(
        "Drain, medians of rounds",
        {
            "floor: bare exchange loop, tasks/s": median(floors),
            "one worker process, tasks/s": median(alone),
            f"{cores} processes (all cores), tasks/s": median(together),
            "ratio of one process to the floor (at least 0.55)": median(ratios),
        },
    )


async def _floor() -> float:
    """The bare exchange loop over TCP: outcomes are handed back at once, no handler runs."""
    tasks = scaled(TASKS)
    with fresh_server() as (server, client):
        queue = open_queue(server)
        await fill(queue, tasks)
        state = await registered(queue)
        client.config_resetstat()
        started, cpu = time.perf_counter(), time.process_time()
        outcomes: Sequence[Outcome] = ()
        done, calls = 0, queue.calls
        while done < tasks:
            reply = await queue.exchange(
                state, outcomes, free=CONCURRENCY, maintain=not outcomes, want_cursor=not outcomes
            )
            done += len(outcomes)
            outcomes = [Outcome(claim.id, claim.number, "c", RESULT) for claim in reply.claims]
        wall, cpu = time.perf_counter() - started, time.process_time() - cpu
        exchanges, script_s = script_time(client)
        show(
            "Drain, floor: bare exchange loop",
            {
                "tasks/s": tasks / wall,
                "worker CPU, µs per task": cpu / tasks * 1e6,
                "script, µs per task": script_s / tasks * 1e6,
                "tasks per exchange": tasks / exchanges,
                "Redis calls per task": f"{(queue.calls - calls) / tasks:.3f}",
            },
        )
        await queue.transport.close()
        return tasks / wall


async def _worker_process(processes: int) -> float:
    """`python -m worker_host` with the handlers of the tests; the rate is read from the counts in Redis."""
    tasks = scaled(TASKS)
    with fresh_server() as (server, client):
        queue: TaskQueue = open_queue(server)
        await fill(queue, tasks)
        worker = WorkerProcess(
            server.url,
            "--concurrency",
            str(CONCURRENCY),
            "--processes",
            str(processes),
            DTQ_NAMESPACE="test",
            HEALTH_PORT="0",
        )
        try:
            # From the first tenth to the last: without the start of the process and its last, small exchanges.
            first, last = tasks // 10, tasks * 9 // 10
            started, at_first = await _when(client, first)
            ended, at_last = await _when(client, last)
        finally:
            worker.stop()
        await queue.transport.close()
        rate = (at_last - at_first) / (ended - started)
        show(f"Drain, {processes} worker processes", {"tasks/s": rate}, is_kept=False)
        return rate


async def _when(client: object, count: int) -> tuple[float, int]:
    """The moment at which so many are completed, and how many really were."""
    deadline = time.perf_counter() + 120
    while True:
        done = counted(client, "C")  # type: ignore[arg-type]  # a redis client
        if done >= count:
            return time.perf_counter(), done
        if time.perf_counter() > deadline:
            raise RuntimeError(f"only {done} of {count} tasks were completed within 120 s")
        await asyncio.sleep(0.01)

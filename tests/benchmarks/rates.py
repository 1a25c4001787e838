"""Redis calls of a task that comes alone, by how far apart tasks come: what a small month costs."""

from __future__ import annotations

import asyncio
import random
import time
from concurrent.futures import ThreadPoolExecutor

import redis

from shared.models import TaskSubmission
from tests.benchmarks.measure import counted, fresh_server, open_queue, scaled, show
from tests.benchmarks.peers.runner import UNCOUNTED, figures_file, ours, worker
from tests.support.server import Server

#: Seconds between tasks in the mean, and how many: each takes minutes, so all run at the same time.
GAPS = ((0.05, 400), (1.0, 200), (8.6, 40), (100.0, 5))
IDLE_PER_HOUR = 78
SETTLE_S = 3.0


def run() -> None:
    """Each on a server of its own, with one worker process."""
    with ThreadPoolExecutor(len(GAPS)) as pool:
        figures = list(pool.map(_measure, *zip(*GAPS, strict=True)))
    show(
        f"Redis calls of a task alone, at random times; without the {IDLE_PER_HOUR} an hour of an idle host",
        {f"{gap:g} s apart in the mean": cost for (gap, _), cost in zip(GAPS, figures, strict=True)},
    )


def _measure(gap_s: float, amount: int) -> float:
    count = max(2, scaled(amount))
    # The worker would end with its last task: one more than come keeps it.
    with (
        fresh_server() as (server, client),
        figures_file() as path,
        worker(ours(), server, path, count + 2),
    ):
        time.sleep(SETTLE_S)
        return asyncio.run(_cost(server, client, gap_s, count))


async def _cost(server: Server, client: redis.Redis, gap_s: float, count: int) -> float:
    queue, draw = open_queue(server), random.Random(3)
    try:
        await queue.submit([_task()])
        await asyncio.sleep(SETTLE_S)
        client.config_resetstat()
        began = time.monotonic()
        for _ in range(count):
            await queue.submit([_task()])
            await asyncio.sleep(draw.expovariate(1 / gap_s))
        await asyncio.sleep(1)
        idle = IDLE_PER_HOUR * (time.monotonic() - began) / 3600
    finally:
        await queue.transport.close()
    stats = client.info("commandstats")
    if counted(client, "C") != count + 1:
        raise RuntimeError(f"{counted(client, 'C')} of {count + 1} tasks completed")
    calls = sum(
        one["calls"]
        for key, one in stats.items()
        if key.removeprefix("cmdstat_").split("|")[0] not in UNCOUNTED
    )
    return round((calls - idle) / count, 1)


def _task() -> TaskSubmission:
    return TaskSubmission(task_type="noop", payload={"n": 0, "text": "x" * 183})

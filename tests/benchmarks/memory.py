"""What a task costs in Redis' memory: the difference of used_memory over 100,000 tasks."""

from __future__ import annotations

import asyncio

from shared.queue import Outcome
from tests.benchmarks.measure import RESULT, fill, fresh_server, open_queue, scaled, show
from tests.support.factories import registered

TASKS = 100_000


def run() -> None:
    """Pending first, then the same tasks completed."""
    asyncio.run(_run())


async def _run() -> None:
    tasks = scaled(TASKS)
    with fresh_server() as (server, client):
        queue = open_queue(server)
        await fill(queue, 1000)  # what is there once: streams, counts, buffers
        empty = client.info("memory")["used_memory"]
        size = await fill(queue, tasks)
        pending = client.info("memory")["used_memory"]
        state = await registered(queue)
        outcomes: list[Outcome] = []
        while True:
            reply = await queue.exchange(state, outcomes, free=100)
            outcomes = [Outcome(claim.id, claim.number, "c", RESULT) for claim in reply.claims]
            if not outcomes:
                break
        completed = client.info("memory")["used_memory"]
        show(
            "Memory, bytes per task",
            {
                "payload": size,
                "result": len(RESULT),
                "pending": (pending - empty) / tasks,
                "completed": (completed - empty) / tasks,
            },
        )
        await queue.transport.close()

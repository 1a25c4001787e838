"""`python -m tests.benchmarks.submit submit|spaced COUNT`: our side of the comparison, over TCP."""

from __future__ import annotations

import asyncio
import os
import sys
import time

from shared.models import TaskSubmission
from shared.queue import QueueOptions, TaskQueue
from shared.settings import TcpTarget
from shared.transports.tcp import TcpTransport
from tests.benchmarks.measure import NAMESPACE, fill

PERIOD_S = 0.05


async def main(role: str, count: int) -> None:
    """Submit so many tasks, in batches or 20 a second."""
    transport = TcpTransport(TcpTarget(os.environ["REDIS_URL"]), attempts=1)
    queue = TaskQueue(transport, QueueOptions(namespace=NAMESPACE))
    try:
        if role == "submit":
            await fill(queue, count)
            return
        await spaced(queue.submit, count)
    finally:
        await transport.close()


async def spaced(submit, count: int) -> None:
    """20 a second; `submit` takes a list of one."""
    start = time.time()
    for n in range(count):
        await asyncio.sleep(max(0, start + n * PERIOD_S - time.time()))
        await submit([TaskSubmission(task_type="mark", payload={"sent": time.time()})])


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))

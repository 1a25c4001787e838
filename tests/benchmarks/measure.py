"""What the benchmarks share: a server of their own, tasks, figures in columns."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager

import redis

from shared.models import TaskSubmission
from shared.queue import QueueOptions, TaskQueue
from shared.settings import TcpTarget
from shared.transports.tcp import TcpTransport
from tests.support.server import Server

NAMESPACE = "test"
#: What `show` was given in this run: title -> figures.
REPORT: dict[str, dict[str, object]] = {}
#: By how much less is measured than for published figures.
_divisor = 1


def measure_less(divisor: int) -> None:
    """Make every amount smaller from now on; figures are then rough."""
    global _divisor  # noqa: PLW0603  # one program, one size
    _divisor = divisor


def scaled(amount: int) -> int:
    """An amount for the size of this run, never none."""
    return max(1, amount // _divisor)


RESULT = json.dumps({"ok": True, "text": "r" * 80}, separators=(",", ":"))


@contextmanager
def fresh_server(program: str | None = None) -> Iterator[tuple[Server, redis.Redis]]:
    """An empty server, the embedded one unless another is named, and a plain connection to look at it."""
    server = Server(program=program)
    client = redis.Redis.from_url(server.url, decode_responses=True, protocol=2)
    try:
        yield server, client
    finally:
        client.close()
        server.stop()


def open_queue(server: Server) -> TaskQueue:
    """The engine over TCP, as a worker opens it."""
    return TaskQueue(TcpTransport(TcpTarget(server.url), attempts=1), QueueOptions(namespace=NAMESPACE))


async def fill(queue: TaskQueue, count: int) -> int:
    """Submit tasks of 200 bytes of payload in batches of 1,000; the bytes of one payload."""
    payload = {"n": 0, "text": "x" * 183}
    for first in range(0, count, 1000):
        await queue.submit(
            [
                TaskSubmission(task_type="noop", payload={**payload, "n": n})
                for n in range(first, min(count, first + 1000))
            ]
        )
    return len(json.dumps(payload, separators=(",", ":")))


def counted(client: redis.Redis, letter: str) -> int:
    """How many tasks of a status there are, over all queues."""
    return int(client.hget(f"{{{NAMESPACE}:0}}:queues", f"*:{letter}") or 0)


def script_time(client: redis.Redis) -> tuple[int, float]:
    """Calls of scripts and the seconds they took since the last CONFIG RESETSTAT."""
    stats = client.info("commandstats")
    both = [stats[key] for key in ("cmdstat_evalsha", "cmdstat_eval") if key in stats]
    return sum(one["calls"] for one in both), sum(one["usec"] for one in both) / 1e6


def show(title: str, figures: dict[str, object], *, is_kept: bool = True) -> None:
    """One benchmark's figures: printed, and kept for the report unless it is one round of several."""
    if is_kept:
        REPORT[title] = figures
    print(f"\n{title} (load {os.getloadavg()[0]:.1f})")
    for name, figure in figures.items():
        print(
            f"  {name:<34} {figure:>14,.1f}" if isinstance(figure, float) else f"  {name:<34} {figure!s:>14}"
        )

"""From the call of submission to the start of the handler at 20 tasks a second, worker idle in between."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import partial
from statistics import median

from shared.client import AsyncClient
from tests.benchmarks.measure import fresh_server, open_queue, scaled, show
from tests.benchmarks.peers.runner import figures_file, ours, read_figures, worker
from tests.benchmarks.submit import PERIOD_S, spaced
from tests.support.gateway import TOKEN, GatewayProcess
from tests.support.http_api import HttpApi
from tests.support.server import Server

ROUNDS = 5


def run() -> None:
    """The floor, over TCP, then through API, SDK and gateway, in turns; medians of the rounds."""
    count, rounds = scaled(300), min(ROUNDS, scaled(ROUNDS * ROUNDS))
    ways = {
        "floor: two round trips of PING, one after the other": _pings,
        "TaskQueue over TCP": partial(_delays, _tcp),
        "HTTP, SDK and gateway": partial(_delays, _http),
    }
    met: dict[str, list[list[float]]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, delays_of in ways.items():
            met[name].append(sorted(delays_of(count)))
    for name, each in met.items():
        show(
            f"Latency at 20 a second, {name}",
            {
                "p50, ms": median(delays[count // 2] for delays in each),
                "p99, ms": median(delays[int(count * 0.99)] for delays in each),
            },
        )


def _delays(submit: Callable[[Server, int], Awaitable[None]], count: int) -> list[float]:
    """From submission to start, ms, each task by itself."""
    with (
        fresh_server() as (server, _),
        figures_file() as path,
        worker(ours(), server, path, count) as is_alive,
    ):
        # The first submission would otherwise measure the start of the process.
        time.sleep(2)
        asyncio.run(submit(server, count))
        delays: list[float] = read_figures(path, 60, is_alive, "dtq")["delays"]
        return delays


def _pings(count: int) -> list[float]:
    """What the machine needs to wake two processes twice: so often the way from submission to start crosses."""
    delays = []
    with fresh_server() as (_, client):
        for _ in range(count):
            time.sleep(PERIOD_S)
            began = time.perf_counter()
            client.ping()
            client.ping()
            delays.append((time.perf_counter() - began) * 1000)
    return delays


async def _tcp(server: Server, count: int) -> None:
    queue = open_queue(server)
    try:
        await spaced(queue.submit, count)
    finally:
        await queue.transport.close()


async def _http(server: Server, count: int) -> None:
    gateway = GatewayProcess(server.url)
    api = None
    try:
        api = HttpApi(upstash_redis_rest_url=gateway.url, upstash_redis_rest_token=TOKEN)
        async with AsyncClient(api.url) as client:

            async def submit(tasks) -> None:
                for one in tasks:
                    await client.submit(one.task_type, one.payload)

            await spaced(submit, count)
    finally:
        if api:
            api.stop()
        gateway.stop()

"""From the call of submission to the start of the handler at 20 tasks a second, worker idle in between."""

from __future__ import annotations

import asyncio
import time

from shared.client import AsyncClient
from tests.benchmarks.measure import fresh_server, open_queue, scaled, show
from tests.benchmarks.peers.runner import figures_file, ours, read_figures, worker
from tests.benchmarks.submit import PERIOD_S, spaced
from tests.support.gateway import TOKEN, GatewayProcess
from tests.support.http_api import HttpApi


def run() -> None:
    """The floor, over TCP, then through API, SDK and gateway."""
    count = scaled(400)
    _show("floor: two round trips of PING, one after the other", _pings(count))
    for name, submit in (("TaskQueue over TCP", _tcp), ("HTTP, SDK and gateway", _http)):
        with (
            fresh_server() as (server, _),
            figures_file() as path,
            worker(ours(), server, path, count) as is_alive,
        ):
            # The first submission would otherwise measure the start of the process.
            time.sleep(2)
            asyncio.run(submit(server, count))
            delays = read_figures(path, 60, is_alive, "dtq")["delays"]
        _show(name, delays)


def _show(name: str, delays: list[float]) -> None:
    ordered = sorted(delays)
    show(
        f"Latency at 20 a second, {name}",
        {"p50, ms": ordered[len(ordered) // 2], "p99, ms": ordered[int(len(ordered) * 0.99)]},
    )


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


async def _tcp(server, count: int) -> None:
    queue = open_queue(server)
    try:
        await spaced(queue.submit, count)
    finally:
        await queue.transport.close()


async def _http(server, count: int) -> None:
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

"""How fast tasks come in: the engine over TCP, one by one and in batches, and one request of the API.

The API is measured beside a bare FastAPI route that makes one EVALSHA through the same SDK and gateway.
"""

from __future__ import annotations

import asyncio
import gc
import time
from statistics import median

import httpx
from fastapi import FastAPI
from upstash_redis.asyncio import Redis

from shared.models import TaskSubmission
from tests.benchmarks.measure import fill, fresh_server, open_queue, scaled, show
from tests.support.gateway import TOKEN, GatewayProcess
from tests.support.http_api import HttpApi

ROUNDS = 5
BODY = {"task_type": "noop", "payload": {"n": 0, "text": "x" * 183}}


def run() -> None:
    """The engine, then the API."""
    asyncio.run(_engine())
    # Both routes are served by this process: what the engine's run has left is not searched for garbage in their time.
    gc.collect()
    gc.freeze()
    asyncio.run(_api())
    gc.unfreeze()


async def _engine() -> None:
    with fresh_server() as (server, _):
        queue = open_queue(server)
        try:
            one, many = scaled(5_000), scaled(100_000)
            await fill(queue, 100)
            started = time.perf_counter()
            for _ in range(one):
                await queue.submit([TaskSubmission(**BODY)])
            alone = one / (time.perf_counter() - started)
            started = time.perf_counter()
            await fill(queue, many)
            batches = many / (time.perf_counter() - started)
        finally:
            await queue.transport.close()
        show("Enqueue, engine over TCP, tasks/s", {"one by one": alone, "in batches of 1,000": batches})


async def _api() -> None:
    """Both routes in turns, the median of each."""
    with fresh_server() as (server, _):
        gateway = GatewayProcess(server.url)
        bare = ours = None
        try:
            bare = HttpApi(_bare_app(gateway.url))
            ours = HttpApi(upstash_redis_rest_url=gateway.url, upstash_redis_rest_token=TOKEN)
            count = scaled(400)
            rates: list[list[float]] = [[], []]
            async with httpx.AsyncClient() as client:
                for _ in range(ROUNDS):
                    for side, api in enumerate((bare, ours)):
                        rates[side].append(await _posts(client, f"{api.url}/api/tasks", BODY, count))
                batch = {"tasks": [BODY] * 100}
                batches = 100 * await _posts(
                    client, f"{ours.url}/api/tasks/batch", batch, max(3, count // 20)
                )
        finally:
            for api in (bare, ours):
                if api:
                    api.stop()
            gateway.stop()
        floor, rate = map(median, rates)
        show(
            "Enqueue, HTTP through SDK and gateway, one at a time, a second",
            {
                "bare route with one EVALSHA": floor,
                "POST /api/tasks": rate,
                "ratio (at least 0.85)": rate / floor,
                "tasks in batches of 100": batches,
            },
        )


def _bare_app(url: str) -> FastAPI:
    app = FastAPI()
    state: dict[str, Redis] = {}

    @app.post("/api/tasks")
    async def post(body: dict) -> dict:
        redis = state.get("redis")
        if redis is None:
            redis = state["redis"] = Redis(url=url, token=TOKEN, allow_telemetry=False)
            state["sha"] = await redis.script_load("return redis.call('SET', KEYS[1], ARGV[1])")
        return {"status": await redis.evalsha(state["sha"], keys=["bare"], args=[str(body)])}

    return app


async def _posts(client: httpx.AsyncClient, url: str, body: dict, count: int) -> float:
    for _ in range(3):
        (await client.post(url, json=body)).raise_for_status()
    started = time.perf_counter()
    for _ in range(count):
        (await client.post(url, json=body)).raise_for_status()
    return count / (time.perf_counter() - started)

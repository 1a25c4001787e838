"""What watching costs over REST, where each call is billed: an hour on a clock that jumps, calls as the server counts.

Run with `-s` to see the table.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import redis
from fastapi import FastAPI

from api.app import create_app
from api.settings import ApiSettings
from tests.api.support import Client, ask_raw
from tests.support.queues import NAMESPACE
from tests.support.skipping import DirectTransport, run_skipping

HOUR_S = 3_600.0
BUDGET = 120
EVENTS = "{test:0}:events"
OF_THE_METER = {"cmdstat_info", "cmdstat_config|resetstat"}


def _app(store: redis.Redis) -> FastAPI:
    settings = ApiSettings(
        dtq_namespace=NAMESPACE,
        upstash_redis_rest_url="https://eu1.upstash.io",
        upstash_redis_rest_token="t",
        log_requests=False,
    )
    return create_app(settings, transport=DirectTransport(store))


def _calls_of_an_hour(store: redis.Redis, name: str, main: Callable[[], Awaitable[Any]]) -> int:
    async def hour() -> None:
        began = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(HOUR_S):
                await main()
        except TimeoutError:
            pass
        assert asyncio.get_running_loop().time() - began >= HOUR_S - 1

    store.config_resetstat()
    run_skipping(hour())
    stats = store.info("commandstats")
    calls = sum(one["calls"] for key, one in stats.items() if key not in OF_THE_METER)
    print(f"\n| {name} | {calls} calls an hour |", end="")
    return calls


async def _watch(app: FastAPI, make_app: Callable[[], FastAPI] | None = None, query: bytes = b"") -> None:
    """One tab: the stream, and again with the last id when it has ended."""
    last_id = b""
    while True:
        sent = await _stream(make_app() if make_app else app, query, last_id)
        ids = [line[4:] for line in sent.splitlines() if line.startswith(b"id: ")]
        last_id = ids[-1]
        await asyncio.sleep(1)


async def _stream(app: FastAPI, query: bytes, last_id: bytes) -> bytes:
    body: list[bytes] = []
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/api/events",
        "raw_path": b"/api/events",
        "root_path": "",
        "query_string": query,
        "headers": [(b"host", b"localhost"), *([(b"last-event-id", last_id)] if last_id else [])],
        "client": ("127.0.0.1", 5),
        "server": ("localhost", 80),
    }

    async def receive() -> Any:
        await asyncio.Event().wait()

    async def send(message: Any) -> None:
        assert message.get("status", 200) == 200
        body.append(message.get("body", b""))

    await app(scope, receive, send)
    return b"".join(body)


async def _poll(app: FastAPI, wait_s: float = 0.0) -> None:
    """One tab that polls at the named pace."""
    await asyncio.sleep(wait_s)
    cursor = ""
    while True:
        answer = await ask_raw(app, "GET", "/api/events/poll", query=f"after={cursor}".encode())
        assert answer.status == 200
        cursor = answer.json["cursor"]
        await asyncio.sleep(answer.json["poll_after_seconds"])


def _all(*tabs: Awaitable[None]) -> Callable[[], Awaitable[Any]]:
    return lambda: asyncio.gather(*tabs)


def test_an_idle_viewer(store: redis.Redis) -> None:
    store.xadd(EVENTS, {"c": "q:P:1", "i": ""}, id="1000-0")
    one = _calls_of_an_hour(store, "stream, one idle viewer", _all(_watch(_app(store))))
    assert 50 < one <= BUDGET
    app = _app(store)
    ten = _calls_of_an_hour(store, "stream, ten idle viewers", _all(*(_watch(app) for _ in range(10))))
    assert ten == one


def test_an_idle_viewer_whose_every_connection_meets_another_instance(store: redis.Redis) -> None:
    store.xadd(EVENTS, {"c": "q:P:1", "i": ""}, id="1000-0")
    make = lambda: _app(store)  # noqa: E731
    calls = _calls_of_an_hour(store, "stream, one idle viewer, instances change", _all(_watch(make(), make)))
    assert calls <= BUDGET


def test_idle_pollers(store: redis.Redis) -> None:
    store.xadd(EVENTS, {"c": "q:P:1", "i": ""}, id="1000-0")
    one = _calls_of_an_hour(store, "polling, one idle viewer", _all(_poll(_app(store))))
    assert 50 < one <= BUDGET
    app = _app(store)
    tabs = (_poll(app, wait_s) for wait_s in range(0, 40, 4))
    ten = _calls_of_an_hour(store, "polling, ten idle viewers at different times", _all(*tabs))
    assert ten <= BUDGET


def test_a_calm_viewer_of_a_busy_system(store: redis.Redis) -> None:
    numbers = itertools.count()

    async def work() -> None:
        while True:
            # Written by another connection's name, so that the meter can tell: XADD is taken off below.
            store.xadd(EVENTS, {"c": "q:P:1", "i": ""})
            next(numbers)
            await asyncio.sleep(3)

    calls = _calls_of_an_hour(
        store, "stream, calm viewer of a busy system", _all(work(), _watch(_app(store), query=b"pace=calm"))
    )
    written = next(numbers)
    assert written > 1_000
    assert calls - written <= BUDGET


def test_a_busy_viewer_pays_for_its_pace(store: redis.Redis) -> None:
    store.xadd(EVENTS, {"c": "q:P:1", "i": ""})  # now: things happen
    calls = _calls_of_an_hour(store, "stream, busy", _all(_watch(_app(store))))
    assert 600 < calls <= 740


@pytest.mark.parametrize(("wait", "most"), [(20, 9), (60, 17)])
def test_waiting_for_a_task(store: redis.Redis, wait: int, most: int) -> None:
    async def ask() -> dict[str, Any]:
        async with Client(_app(store)) as client:
            task_id = (await client.submit()).json()["id"]
            store.config_resetstat()
            answer = await client.get(f"/api/tasks/{task_id}", headers={"Prefer": f"wait={wait}"})
            assert answer.headers["preference-applied"] == f"wait={wait}"
            stats = store.info("commandstats")
            calls = sum(one["calls"] for key, one in stats.items() if key not in OF_THE_METER)
            assert answer.headers["x-redis-calls"] == str(calls)
            print(f"\n| wait={wait} | {calls} calls |", end="")
            assert calls <= most
            return json.loads(answer.content)

    assert run_skipping(ask())["status"] == "pending"

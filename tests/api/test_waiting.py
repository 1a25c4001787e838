"""`Prefer: wait=N`: the answer comes with the end of the task, and costs little until then."""

from __future__ import annotations

import asyncio

import httpx
import pytest
import redis

from shared.queue import TaskQueue
from tests.api.conftest import AppFactory
from tests.api.live import serving
from tests.api.support import Client, is_problem
from tests.support.factories import ending, registered, tasks
from tests.support.waiting import wait_until

PREFER = {"Prefer": "wait=60"}


@pytest.fixture(autouse=True)
def _only_news_make_it_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a test which passes has heard of the end, and did not just look by and by."""
    monkeypatch.setattr("api.live.waiting._LOOK_AGAIN_S", 1_000)


async def _running(api: Client, engine: TaskQueue):
    state = await registered(engine, types=("email",))
    task_id = (await api.submit()).json()["id"]
    [claim] = (await engine.exchange(state, free=1)).claims
    return task_id, state, claim


async def test_the_answer_comes_with_the_end(api: Client, engine: TaskQueue, store: redis.Redis) -> None:
    task_id, state, claim = await _running(api, engine)
    store.config_resetstat()
    asked = asyncio.create_task(api.get(f"/api/tasks/{task_id}", headers=PREFER))
    await wait_until(lambda: "cmdstat_getrange" in store.info("commandstats"), describe="the first look")
    await engine.exchange(state, [ending(claim)], free=0)
    answer = await asked
    assert answer.status_code == 200
    assert answer.json()["status"] == "completed"
    assert answer.json()["result"] == {"ok": True}
    assert answer.headers["preference-applied"] == "wait=60"
    assert "Prefer" in answer.headers["vary"]
    assert 2 <= int(answer.headers["x-redis-calls"]) <= 30


async def test_one_that_has_ended_is_answered_at_once(api: Client, engine: TaskQueue) -> None:
    task_id, state, claim = await _running(api, engine)
    await engine.exchange(state, [ending(claim, "x")], free=0)
    answer = await api.get(f"/api/tasks/{task_id}", headers=PREFER)
    assert answer.json()["status"] == "dead"
    assert int(answer.headers["x-redis-calls"]) <= 3


async def test_the_time_is_bounded(make_app: AppFactory, engine: TaskQueue) -> None:
    async with Client(make_app(max_wait_seconds=0.05)) as client:
        task_id = (await client.submit()).json()["id"]
        answer = await client.get(f"/api/tasks/{task_id}", headers={"Prefer": "wait=1000"})
    assert answer.status_code == 200
    assert answer.json()["status"] == "pending"
    assert answer.headers["preference-applied"] == "wait=0.05"


async def test_on_lambda_it_is_bounded_by_its_gateway(
    make_app: AppFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.live.waiting.LAMBDA_MAX_S", 0.05)
    app = make_app()

    async def as_lambda(scope, receive, send):
        await app({**scope, "aws.event": {}}, receive, send)

    async with Client(app) as client:
        task_id = (await client.submit()).json()["id"]
    async with Client(as_lambda) as client:  # type: ignore[arg-type]
        answer = await client.get(f"/api/tasks/{task_id}", headers={"Prefer": "wait=20"})
    assert answer.headers["preference-applied"] == "wait=0.05"


@pytest.mark.parametrize(
    "value", ["", "wait", "wait=", "wait=x", "wait=-1", "wait=1.5", "respond-async", "await=5"]
)
async def test_what_cannot_be_read_is_ignored(tcp_api: Client, value: str) -> None:
    task_id = (await tcp_api.submit()).json()["id"]
    answer = await tcp_api.get(f"/api/tasks/{task_id}", headers={"Prefer": value})
    assert answer.status_code == 200
    assert "preference-applied" not in answer.headers


@pytest.mark.parametrize("value", ["wait=0", "respond-async, wait=0", 'Wait = "0"', "wait=0; foo=bar"])
async def test_how_it_is_written(tcp_api: Client, value: str) -> None:
    task_id = (await tcp_api.submit()).json()["id"]
    answer = await tcp_api.get(f"/api/tasks/{task_id}", headers={"Prefer": value})
    assert answer.headers["preference-applied"] == "wait=0"


async def test_an_unknown_task(api: Client) -> None:
    answer = await api.get(f"/api/tasks/{'0' * 27}", headers=PREFER)
    assert is_problem(answer, 404)
    assert int(answer.headers["x-redis-calls"]) >= 1


async def test_one_that_is_deleted_meanwhile(api: Client, engine: TaskQueue, store: redis.Redis) -> None:
    task_id = (await api.submit(delay_seconds=60)).json()["id"]
    store.config_resetstat()
    asked = asyncio.create_task(api.get(f"/api/tasks/{task_id}", headers={"Prefer": "wait=2"}))
    await wait_until(lambda: "cmdstat_getrange" in store.info("commandstats"), describe="the first look")
    await engine.delete([task_id], by="test")
    assert is_problem(await asked, 404)


async def test_an_end_that_no_event_names(tcp_api: Client, engine: TaskQueue) -> None:
    """Of 100 outcomes of one call an event names 20."""
    state = await registered(engine)
    ids = [one.id for one in await engine.submit(tasks(100))]
    claims = (await engine.exchange(state, free=100)).claims
    asked = asyncio.create_task(tcp_api.get(f"/api/tasks/{ids[99]}", headers=PREFER))
    hubs = tcp_api.app.state.runtime._hubs
    await wait_until(lambda: any(hub._viewers for hub in hubs.values()), describe="somebody listens")
    await engine.exchange(state, [ending(claim) for claim in claims], free=0)
    assert (await asked).json()["status"] == "completed"


async def test_who_leaves_stops_the_looking(tcp_api: Client, engine: TaskQueue) -> None:

    app = tcp_api.app
    task_id = (await tcp_api.submit()).json()["id"]
    async with serving(app) as url, httpx.AsyncClient(base_url=url) as client:
        with pytest.raises(httpx.ReadTimeout):
            await client.get(f"/api/tasks/{task_id}", headers=PREFER, timeout=0.3)
        [hub] = app.state.runtime._hubs.values()
        await wait_until(lambda: not hub._opened, describe="the viewer to be gone")

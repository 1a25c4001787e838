"""The cron tick: who may ask, what is done, and when it ends."""

from __future__ import annotations

from datetime import timedelta

import pytest
import redis

from shared.models import ScheduleSpec, TaskSubmission
from shared.queue import TaskQueue
from tests.api.conftest import AppFactory
from tests.api.support import Client, ask_raw, is_problem
from tests.api.test_security import API_KEYS, KEYS
from tests.support.server import Server
from tests.support.waiting import wait_until

SECRET = "a-secret-of-vercels-cron"
TICK = "/api/cron/tick"


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_what_is_due_is_done(api: Client, method: str) -> None:
    task_id = (await api.submit(delay_seconds=0.01)).json()["id"]

    async def is_pending() -> bool:
        answer = await api.request(method, TICK)
        assert (answer.status_code, answer.json()) == (200, {"more": False})
        assert answer.headers["cache-control"] == "no-store"
        return (await api.get(f"/api/tasks/{task_id}")).json()["status"] == "pending"

    await wait_until(is_pending, describe="the task is promoted")


async def test_more_than_one_call_may_do_is_done_in_one_request(tcp_api: Client) -> None:
    batch = {"tasks": [{"task_type": "email", "payload": {}, "delay_seconds": 0.001}] * 250}
    await tcp_api.post("/api/tasks/batch", json=batch)

    async def are_pending() -> bool:
        await tcp_api.get(TICK)
        return (await tcp_api.get("/api/overview")).json()["counts"]["pending"] == 250

    await wait_until(are_pending, describe="all are promoted")


async def test_it_ends_in_time_and_tells_that_more_is_due(
    tcp_api: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def endless(_: TaskQueue) -> tuple[bool, list[str]]:
        return True, []

    monkeypatch.setattr("shared.queue.TaskQueue.tick_and_tell", endless)
    monkeypatch.setattr("api.operations.TICK_S", 0.05)
    assert (await tcp_api.get(TICK)).json() == {"more": True}


async def test_due_schedules_are_fired_and_a_wrong_one_keeps_none_of_the_others(
    api: Client, engine: TaskQueue, store: redis.Redis
) -> None:
    now = (await engine.overview()).now
    task = TaskSubmission(task_type="email", payload={})
    spec = ScheduleSpec(interval_seconds=3600.0, catch_up="once", task=task)
    for name in ("a", "b", "c"):
        await engine.save_schedule(name, spec, by="ops", now=now - timedelta(hours=1))
    store.hset(engine.shards[0].schedules, "b", '{"interval_seconds": 0}')
    assert (await api.get(TICK)).json() == {"more": False}
    assert (await api.get("/api/overview")).json()["counts"]["pending"] == 2


@pytest.mark.parametrize("is_vercel", [True, False])
async def test_the_secret_opens_the_tick_and_nothing_else(make_app: AppFactory, is_vercel: bool) -> None:
    app = make_app(vercel=is_vercel, api_keys=API_KEYS, cron_secret=SECRET)
    async with Client(app, peer="203.0.113.9", host="api.example.org", key=SECRET) as client:
        assert (await client.get(TICK)).status_code == 200
        assert (await client.post(TICK)).status_code == 200
        for path in ("/api/overview", "/api/cron", "/api/cron/tick/", "/api/queues"):
            assert is_problem(await client.get(path), 401)
    async with Client(app, key=KEYS["admin"]) as client:
        assert (await client.get(TICK)).status_code == 200
    async with Client(app, key=KEYS["read"]) as client:
        assert is_problem(await client.get(TICK), 403)


@pytest.mark.parametrize(
    "value",
    ["", "Bearer", "Bearer ", SECRET, f"Basic {SECRET}", f"Bearer {SECRET}x", f"Bearer {SECRET[:-1]}"],
)
async def test_what_is_not_the_secret(make_app: AppFactory, value: str) -> None:
    app = make_app(vercel=True, api_keys=API_KEYS, cron_secret=SECRET)
    answer = await ask_raw(app, "GET", TICK, headers=[(b"authorization", value.encode())])
    assert answer.status == 401
    twice = [(b"authorization", f"Bearer {SECRET}".encode())] * 2
    assert (await ask_raw(app, "GET", TICK, headers=twice)).status == 401


@pytest.mark.parametrize("key", [None, "no-such-key"])
async def test_on_vercel_a_missing_secret_is_named(make_app: AppFactory, key: str | None) -> None:
    app = make_app(vercel=True, api_keys=API_KEYS)
    async with Client(app, key=key) as client:
        assert is_problem(await client.get(TICK), 503, "CRON_SECRET")
        assert is_problem(await client.get("/api/overview"), 401)
    async with Client(app, key=KEYS["admin"]) as client:
        assert (await client.get(TICK)).status_code == 200


async def test_an_empty_secret_is_none(
    monkeypatch: pytest.MonkeyPatch, make_app: AppFactory, server: Server
) -> None:
    from api.app import create_app

    for name, value in (
        ("VERCEL", "1"),
        ("API_KEYS", API_KEYS),
        ("CRON_SECRET", ""),
        ("REDIS_URL", server.url),
    ):
        monkeypatch.setenv(name, value)
    async with Client(create_app()) as client:
        assert is_problem(await client.get(TICK), 503, "CRON_SECRET")


async def test_a_blank_secret_opens_nothing(make_app: AppFactory) -> None:
    app = make_app(vercel=True, api_keys=API_KEYS, cron_secret="  ")
    for value in (b"Bearer", b"Bearer ", b"Bearer   ", b""):
        answer = await ask_raw(app, "GET", TICK, headers=[(b"authorization", value)])
        assert answer.status == 401

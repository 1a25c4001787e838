"""Queues and workers: lists, pause, resume, drain."""

from __future__ import annotations

from typing import Any

import pytest

from shared.queue import TaskQueue
from tests.api.conftest import AppFactory
from tests.api.support import Client, is_problem
from tests.api.test_security import API_KEYS, KEYS
from tests.support.factories import registered


async def test_queues_are_listed(api: Client) -> None:
    assert (await api.get("/api/queues")).json() == {"queues": []}
    await api.submit(queue="b")
    await api.submit(queue="a", delay_seconds=60)
    answer = await api.get("/api/queues")
    queues = answer.json()["queues"]
    assert [(queue["name"], queue["pending"], queue["scheduled"]) for queue in queues] == [
        ("a", 0, 1),
        ("b", 1, 0),
    ]
    assert (
        await api.get("/api/queues", headers={"If-None-Match": answer.headers["etag"]})
    ).status_code == 304


async def test_a_queue_is_paused_and_resumed(api: Client, engine: TaskQueue) -> None:
    state = await registered(engine, types=("email",))
    await api.submit()
    answer = await api.post("/api/queues/default/pause", json={"reason": "moving the mail server"})
    assert answer.status_code == 200
    assert answer.json() == {"name": "default", "paused": True, "pending": 1}
    [queue] = (await api.get("/api/queues")).json()["queues"]
    assert (queue["paused"]["by"], queue["paused"]["reason"]) == ("local", "moving the mail server")
    assert (await engine.exchange(state, free=1)).claims == []
    for _ in range(2):
        resumed = await api.post("/api/queues/default/resume")
        assert resumed.json() == {"name": "default", "paused": False, "pending": 1}
    assert (await api.get("/api/queues")).json()["queues"][0]["paused"] is None
    assert len((await engine.exchange(state, free=1)).claims) == 1


async def test_a_queue_that_was_never_used_can_be_paused(tcp_api: Client) -> None:
    answer = await tcp_api.post("/api/queues/new/pause")
    assert answer.json() == {"name": "new", "paused": True, "pending": 0}


async def test_who_paused_is_the_name_of_the_key(make_app: AppFactory) -> None:
    async with Client(make_app(api_keys=API_KEYS), key=KEYS["admin"]) as api:
        await api.post("/api/queues/default/pause")
        [queue] = (await api.get("/api/queues")).json()["queues"]
    assert queue["paused"]["by"] == "adminer"


@pytest.mark.parametrize("action", ["pause", "resume"])
@pytest.mark.parametrize("name", ["a:b", "%00", "%ed%a0%80", "*", "x" * 65, "ü"])
async def test_what_is_no_queue_name(tcp_api: Client, name: str, action: str) -> None:
    assert is_problem(await tcp_api.post(f"/api/queues/{name}/{action}"), 422, "queue")


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/api/queues/a/pause", {"reason": 5}, "reason"),
        ("/api/queues/a/pause", {"reason": None}, "reason"),
        ("/api/queues/a/pause", {"reason": "x" * 501}, "reason"),
        ("/api/queues/a/pause", {"until": "tomorrow"}, "until"),
        ("/api/queues/a/resume", {"reason": "x"}, "reason"),
        ("/api/workers/w/drain", {"drain": "false"}, "drain"),
        ("/api/workers/w/drain", {"drain": 0}, "drain"),
        ("/api/workers/w/drain", {"drain": None}, "drain"),
        ("/api/workers/w/drain", {"hold": True}, "hold"),
    ],
)
async def test_a_body_that_breaks_a_rule(tcp_api: Client, path: str, body: Any, field: str) -> None:
    assert is_problem(await tcp_api.post(path, json=body), 422, field)


async def test_workers_are_listed(api: Client, engine: TaskQueue) -> None:
    assert (await api.get("/api/workers")).json() == {"workers": []}
    state = await registered(engine, types=("email",))
    answer = await api.get("/api/workers")
    [worker] = answer.json()["workers"]
    assert (worker["name"], worker["types"], worker["slots"]) == (state.name, ["email"], 10)
    assert worker["started_at"] == "2026-01-01T00:00:00.000Z"
    assert (
        await api.get("/api/workers", headers={"If-None-Match": answer.headers["etag"]})
    ).status_code == 304


async def test_a_worker_is_drained_and_claims_again(api: Client, engine: TaskQueue) -> None:
    state = await registered(engine, types=("email",))
    await api.submit()
    await engine.exchange(state, free=1)
    await api.submit()
    path = f"/api/workers/{state.name}/drain"
    for body in (None, {}, {"drain": True}):
        answer = await api.post(path, json=body) if body is not None else await api.post(path)
        assert answer.json() == {"name": state.name, "drain": True, "running": 1}
    assert (await engine.exchange(state, free=1)).claims == []
    again = await api.post(path, json={"drain": False})
    assert again.json() == {"name": state.name, "drain": False, "running": 1}
    assert len((await engine.exchange(state, free=1)).claims) == 1


@pytest.mark.parametrize("name", ["nobody", "a:b", "%00", "%ed%a0%80", "x" * 5000])
async def test_a_worker_that_nobody_knows(tcp_api: Client, name: str) -> None:
    assert is_problem(await tcp_api.post(f"/api/workers/{name}/drain"), 404)

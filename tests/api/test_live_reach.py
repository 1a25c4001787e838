"""Events, explanations, waits and metrics where a key is bound to queues, queues are in shards, or calls are dear."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from api.live.pace import FAST
from api.runtime import SLOWED
from shared.queue import TaskQueue
from tests.api.conftest import AppFactory
from tests.api.support import Client, is_problem
from tests.api.test_bound_keys import Callers, callers, submitted
from tests.support.factories import tasks

__all__ = ["callers"]
SHARDS = 4


async def polled(client: Client, after: str, **query: str) -> list[dict[str, Any]]:
    answer = await client.get("/api/events/poll", params={"after": after, **query})
    assert answer.status_code == 200
    events: list[dict[str, Any]] = answer.json()["events"]
    return events


async def test_a_bound_key_hears_of_its_own_queues_alone(callers: Callers, engine: TaskQueue) -> None:
    mail, sms = await submitted(callers, "mail"), await submitted(callers, "sms")
    await engine.submit([*tasks(1, queue="mail"), *tasks(2, queue="sms")])
    own, _, mixed = await polled(callers["ops"], "0-0")
    assert set(mixed["counts"]) == {"mail", "sms"}
    assert len(mixed["tasks"]) == 3
    heard = await polled(callers["mail-read"], "0-0")
    assert heard == [own, {**mixed, "counts": {"mail": {"pending": 1}}, "tasks": [], "omitted": 1}]
    assert heard[0]["tasks"] == [{"id": mail, "status": "pending"}]
    hidden = await polled(callers["mail-read"], "0-0", task=sms)
    assert sms not in str(hidden)
    refused = await callers["mail-read"].get("/api/events/poll?queue=sms")
    assert is_problem(refused, 403)
    assert is_problem(await callers["mail-read"].get("/api/events?queue=sms"), 403)


async def test_a_bound_key_gets_no_explanation_and_no_wait_of_another_queue(callers: Callers) -> None:
    mail, sms = await submitted(callers, "mail"), await submitted(callers, "sms")
    for name in ("mail-read", "mail-submit"):
        assert (await callers[name].get(f"/api/tasks/{mail}/explain")).status_code == 200
        assert is_problem(await callers[name].get(f"/api/tasks/{sms}/explain"), 404)
        waited = await callers[name].get(f"/api/tasks/{sms}", headers={"Prefer": "wait=20"})
        assert is_problem(waited, 404)


async def test_a_bound_key_reads_metrics_of_its_own_queues(callers: Callers) -> None:
    await submitted(callers, "mail")
    await submitted(callers, "sms")
    text = (await callers["mail-read"].get("/api/metrics")).text
    assert 'queue="mail"' in text
    assert 'queue="sms"' not in text


@pytest.mark.parametrize("where", ["tcp", "rest"])
async def test_a_wait_ends_in_whichever_shard_the_task_is(
    make_app: AppFactory, request: pytest.FixtureRequest, where: str
) -> None:
    settings: dict[str, Any] = {"dtq_shards": SHARDS}
    if where == "rest":
        settings["upstash_redis_rest_url"] = request.getfixturevalue("gateway").url
        settings["upstash_redis_rest_token"] = "token-of-the-tests"
    async with Client(make_app(**settings)) as client:
        cursor = (await client.get("/api/events/poll")).json()["cursor"]
        assert len(cursor.split(".")) == SHARDS
        for queue in ("q0", "q1", "q2", "q3", "q4", "q5"):
            task_id = (await client.submit(queue=queue)).json()["id"]
            path = f"/api/tasks/{task_id}"
            waiting = asyncio.ensure_future(client.get(path, headers={"Prefer": "wait=20"}))
            assert (await client.post(f"{path}/cancel")).status_code == 200
            assert (await waiting).json()["status"] == "cancelled"
        assert is_problem(await client.get("/api/events/poll?after=0-0"), 422, "after")


@pytest.mark.parametrize(("spent", "times"), [(80, 1), (90, SLOWED), (100, SLOWED)])
async def test_viewers_wait_longer_when_the_budget_is_nearly_spent(
    make_app: AppFactory, engine: TaskQueue, spent: int, times: int
) -> None:
    await engine.save_spent({"work": spent * 1000})
    app = make_app(monthly_budget_calls=100_000)
    async with Client(app) as client:
        assert (await client.get("/api/events/poll")).json()["poll_after_seconds"] == FAST.idle_s * times
        assert app.state.runtime.pace == FAST.slowed(times)

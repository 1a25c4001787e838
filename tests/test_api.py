"""The HTTP API from outside, in one short file: submit, read, control, refuse. `pytest tests/test_api.py`

The details are tested in `tests/api/`. Here a worker runs beside it, so tasks really end.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import redis

from api.app import create_app
from api.settings import ApiSettings
from tests.api.support import Client, is_problem
from tests.support.queues import NAMESPACE
from tests.support.server import Server
from tests.support.waiting import wait_until

ROOT = Path(__file__).parents[1]


@pytest.fixture
async def api(store: redis.Redis, server: Server, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Client]:
    """A client of the API in this process, over the embedded server."""
    for name in ApiSettings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    app = create_app(ApiSettings(redis_url=server.url, dtq_namespace=NAMESPACE))
    async with Client(app) as client:
        yield client
    await app.state.runtime.close()


@pytest.fixture
async def worker(api: Client, server: Server) -> AsyncIterator[None]:
    """A real worker with the tests' handlers, ready."""
    process = subprocess.Popen(
        [sys.executable, "-m", "worker_host", "--handlers", "tests.support.handlers"],
        cwd=ROOT,
        env={**os.environ, "REDIS_URL": server.url, "DTQ_NAMESPACE": NAMESPACE},
    )

    async def is_ready() -> bool:
        return bool((await api.get("/api/overview")).json()["workers"])

    await wait_until(is_ready, describe="the worker is registered", timeout_s=20)
    yield
    process.terminate()
    assert process.wait(20) == 0


async def ended(api: Client, task_id: str) -> dict[str, Any]:
    async def look() -> dict[str, Any] | None:
        task = (await api.get(f"/api/tasks/{task_id}")).json()
        return task if task["status"] in ("completed", "dead", "cancelled") else None

    return await wait_until(look, describe=f"{task_id} ends")


async def submit(api: Client, task_type: str, **fields: Any) -> str:
    body = {"task_type": task_type, "payload": {}, **fields}
    answer = await api.post("/api/tasks", json=body)
    assert answer.status_code == 202, answer.text
    assert answer.headers["location"] == f"/api/tasks/{answer.json()['id']}"
    return answer.json()["id"]


@pytest.mark.usefixtures("worker")
async def test_a_task_runs_and_its_result_is_read(api: Client) -> None:
    task = await ended(api, await submit(api, "echo", payload={"n": 2**60}))
    assert (task["status"], task["attempt"]) == ("completed", 1)
    assert task["result"]["payload"] == {"n": 2**60}, "integers stay exact"


@pytest.mark.usefixtures("worker")
async def test_a_task_that_may_not_be_tried_again_is_a_dead_letter(api: Client) -> None:
    task = await ended(api, await submit(api, "raise", payload={"kind": "reject"}))
    assert task["status"] == "dead"
    assert task["error"]["message"] == "never again"
    letters = (await api.get("/api/dead-letters")).json()["tasks"]
    assert [letter["id"] for letter in letters] == [task["id"]]
    assert (await api.post(f"/api/tasks/{task['id']}/requeue", json={})).status_code == 200


async def test_higher_priorities_come_first(api: Client) -> None:
    ids = {priority: await submit(api, "noop", priority=priority) for priority in (1, 10, 5)}
    listed = (await api.get("/api/tasks", params={"status": "pending"})).json()["tasks"]
    assert [task["id"] for task in listed] == [ids[10], ids[5], ids[1]], "the order of service"


async def test_a_batch_is_stored_as_a_whole_or_not_at_all(api: Client) -> None:
    good, bad = {"task_type": "noop", "payload": {}}, {"task_type": "noop", "payload": {}, "priority": 11}
    refused = await api.post("/api/tasks/batch", json={"tasks": [good, bad]})
    assert is_problem(refused, 422, "tasks[1].priority")
    assert (await api.get("/api/tasks")).json()["tasks"] == []
    stored = await api.post("/api/tasks/batch", json={"tasks": [good, good]})
    assert [task["status"] for task in stored.json()["tasks"]] == ["pending", "pending"]


async def test_a_repeated_submission_is_the_same_task(api: Client) -> None:
    first = await submit(api, "noop", idempotency_key="order-7")
    assert await submit(api, "noop", idempotency_key="order-7") == first
    other = await api.post(
        "/api/tasks", json={"task_type": "noop", "payload": {"n": 1}, "idempotency_key": "order-7"}
    )
    assert is_problem(other, 409)


async def test_a_delayed_task_can_be_cancelled_or_run_now(api: Client) -> None:
    task_id = await submit(api, "noop", delay_seconds=3600)
    assert (await api.get(f"/api/tasks/{task_id}")).json()["status"] == "scheduled"
    assert (await api.post(f"/api/tasks/{task_id}/run-now", json={})).json()["status"] == "pending"
    assert (await api.post(f"/api/tasks/{task_id}/cancel", json={})).json()["status"] == "cancelled"


async def test_what_is_wrong_is_named_with_its_fix(api: Client) -> None:
    refused = await api.post("/api/tasks", json={"task_type": "noop", "payload": {}, "priority": "5"})
    assert is_problem(refused, 422, "priority")
    assert is_problem(await api.get("/api/nothing"), 404)
    assert is_problem(await api.get("/api/tasks/000000000000000000000000000"), 404)


async def test_alive_and_ready(api: Client) -> None:
    assert (await api.get("/api/health")).json() == {"status": "ok"}
    assert (await api.get("/api/ready")).json() == {"status": "ready"}

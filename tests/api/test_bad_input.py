"""What producers and operators can send wrong has one error each: its class, its problem document, and nothing changed."""

from __future__ import annotations

from typing import Any

import pytest
import redis

from shared.queue import TaskQueue
from tests.api.support import MAIL, Client, is_problem
from tests.api.test_operators import die

SCHEDULE = {"task": MAIL}


async def nothing_is_stored(api: Client) -> bool:
    return set((await api.get("/api/overview")).json()["counts"].values()) == {0}


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"priority": 0}, "priority"),
        ({"priority": 11}, "priority"),
        ({"max_retries": -1}, "max_retries"),
        ({"max_retries": 101}, "max_retries"),
        ({"retry": {"initial_seconds": -1}}, "retry.initial_seconds"),
        ({"retry": {"initial_seconds": 86_401}}, "retry.initial_seconds"),
        ({"retry": {"factor": 0.5}}, "retry.factor"),
        ({"retry": {"factor": 11}}, "retry.factor"),
        ({"retry": {"max_seconds": 604_801}}, "retry.max_seconds"),
        ({"retry": {"jitter": "some"}}, "retry.jitter"),
        ({"timeout_seconds": 0}, "timeout_seconds"),
        ({"delay_seconds": -1}, "delay_seconds"),
        ({"delay_seconds": 367 * 86_400}, "delay_seconds"),
        ({"run_at": "2026-12-01T08:00:00"}, "run_at"),
        ({"retention_seconds": 0}, "retention_seconds"),
        ({"queue": "a b"}, "queue"),
    ],
)
async def test_a_submission_out_of_range(tcp_api: Client, fields: dict[str, Any], field: str) -> None:
    assert is_problem(await tcp_api.submit(**fields), 422, field)
    batch = {"tasks": [MAIL, {**MAIL, **fields}, MAIL]}
    assert is_problem(await tcp_api.post("/api/tasks/batch", json=batch), 422, f"tasks[1].{field}")
    assert await nothing_is_stored(tcp_api)


async def test_a_time_in_the_past_runs_now(tcp_api: Client) -> None:
    answer = await tcp_api.submit(run_at="2001-01-01T00:00:00Z")
    assert (answer.status_code, answer.json()["status"]) == (202, "pending")


@pytest.mark.parametrize(
    ("timing", "field"),
    [
        ({"cron": "0 0 30 2 *"}, "cron"),
        ({"cron": "every day"}, "cron"),
        ({"cron": "0 9 * * *", "zone": "Mars/Base"}, "zone"),
        ({"cron": "0 9 * * *", "interval_seconds": 60}, "cron"),
        ({"interval_seconds": 0.5}, "interval_seconds"),
        ({}, "cron"),
    ],
)
async def test_a_timing_that_never_fires(tcp_api: Client, timing: dict[str, Any], field: str) -> None:
    assert is_problem(await tcp_api.put("/api/schedules/x", json={**SCHEDULE, **timing}), 422, field)
    assert is_problem(await tcp_api.post("/api/schedules/preview", json=timing), 422, field)
    assert (await tcp_api.get("/api/schedules")).json() == {"schedules": []}


async def test_only_a_dead_task_is_requeued(tcp_api: Client, engine: TaskQueue) -> None:
    waiting = (await tcp_api.submit(delay_seconds=60)).json()["id"]
    answer = await tcp_api.post(f"/api/tasks/{waiting}/requeue")
    assert is_problem(answer, 409)
    assert answer.json()["type"] == "/api/problems/conflict"
    [dead] = await die(tcp_api, engine)
    assert (await tcp_api.post(f"/api/tasks/{dead}/requeue")).status_code == 200


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/queues/mial/purge", {}),
        ("/api/dead-letters/requeue", {"queue": "mial"}),
        ("/api/dead-letters/delete", {"queue": "mial"}),
        ("/api/tasks/cancel", {"queue": "mial"}),
    ],
)
async def test_a_queue_that_was_never_used(
    tcp_api: Client, store: redis.Redis, path: str, body: dict[str, Any]
) -> None:
    await tcp_api.submit(queue="mail")
    answer = await tcp_api.post(path, json=body)
    assert is_problem(answer, 404)
    assert answer.json()["detail"] == "No queue of that name was ever used."
    assert (await tcp_api.get("/api/jobs")).json() == {"jobs": []}


async def test_a_batch_with_one_bad_element_stores_nothing(tcp_api: Client) -> None:
    tasks = [{**MAIL, "payload": {"n": n}} for n in range(50)]
    tasks[37]["priority"] = 12
    answer = await tcp_api.post("/api/tasks/batch", json={"tasks": tasks})
    assert is_problem(answer, 422, "tasks[37].priority")
    assert await nothing_is_stored(tcp_api)

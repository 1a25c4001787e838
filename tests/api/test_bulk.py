"""Bulk operations over HTTP: begun, watched, cancelled; small ones are done when the request is answered."""

from __future__ import annotations

from typing import Any

import pytest
import redis

from api.known_types import KnownTypes
from shared.errors import StoreUnavailable
from shared.queue import TaskQueue
from tests.api.support import Client, is_problem
from tests.api.test_operators import die
from tests.api.test_task_types import publish
from tests.support.factories import ending, registered

JOB_FIELDS = {
    "id", "kind", "state", "by", "fingerprint", "queue", "task_type", "statuses", "first", "per_second", "total", "done",
    "skipped", "missing", "waiting_for", "reason", "created_at", "updated_at", "ended_at",
}  # fmt: skip


async def counts(api: Client) -> dict[str, int]:
    """Tasks by status."""
    answer: dict[str, int] = (await api.get("/api/overview")).json()["counts"]
    return answer


async def test_everything_dead_is_requeued(api: Client, engine: TaskQueue) -> None:
    await die(api, engine, 3)
    answer = await api.post("/api/dead-letters/requeue", json={"all": True})
    assert answer.status_code == 202
    job = answer.json()
    assert job.keys() == JOB_FIELDS
    assert (job["kind"], job["state"], job["done"], job["total"]) == ("requeue", "done", 3, 3)
    assert job["created_at"].endswith("Z")
    assert answer.headers["location"] == f"/api/jobs/{job['id']}"
    assert (await api.get(answer.headers["location"])).json() == job
    assert (await api.get("/api/jobs")).json() == {"jobs": [job]}
    assert (await counts(api))["pending"] == 3


@pytest.mark.parametrize(
    ("condition", "left"),
    [({"queue": "a"}, 1), ({"task_type": "email"}, 0), ({"fingerprint": "one"}, 1), ({"all": True}, 0)],
)
async def test_dead_tasks_are_deleted_by_a_condition(
    tcp_api: Client, engine: TaskQueue, condition: dict[str, Any], left: int
) -> None:
    await tcp_api.submit(queue="a")
    await die(tcp_api, engine, 1, "two")
    state = await registered(engine, "a", types=("email",))
    [claim] = (await engine.exchange(state, free=1)).claims
    await engine.exchange(state, [ending(claim, "x")._replace(group="one")], free=0)
    answer = await tcp_api.post("/api/dead-letters/delete", json=condition)
    assert (answer.status_code, answer.json()["state"]) == (202, "done")
    assert (await counts(tcp_api))["dead"] == left


async def test_a_group_at_a_pace(tcp_api: Client, engine: TaskQueue, store: redis.Redis) -> None:
    await die(tcp_api, engine, 5)
    answer = await tcp_api.post("/api/dead-letters/groups/abc/requeue", json={"first": 1, "per_second": 2})
    assert answer.status_code == 202
    job = answer.json()
    assert (job["state"], job["done"], job["per_second"], len(job["waiting_for"])) == ("running", 1, 2, 1)
    again = await tcp_api.post(f"/api/jobs/{job['id']}/cancel")
    assert (again.status_code, again.json()["state"], again.json()["reason"]) == (
        200,
        "cancelled",
        "cancelled by local",
    )
    assert (await tcp_api.post(f"/api/jobs/{job['id']}/cancel", json={})).json() == again.json()
    assert (await counts(tcp_api))["dead"] == 4


async def test_a_tick_goes_on_with_what_nobody_does(
    tcp_api: Client, engine: TaskQueue, store: redis.Redis
) -> None:
    await die(tcp_api, engine, 5)
    path = "/api/dead-letters/groups/abc/requeue"
    job = (await tcp_api.post(path, json={"per_second": 2})).json()
    assert job["done"] == 2
    while job["state"] == "running":
        store.hset(f"{{test:0}}:job:{job['id']}", "next", "1")
        store.zadd("{test:0}:timers", {f"j:{job['id']}": 1})
        assert (await tcp_api.post("/api/cron/tick")).json() == {"more": False}
        before, job = job["done"], (await tcp_api.get(f"/api/jobs/{job['id']}")).json()
        assert job["done"] <= before + 2
    assert (job["state"], job["done"]) == ("done", 5)


async def test_a_queue_is_purged(api: Client, engine: TaskQueue) -> None:
    for fields in ({}, {}, {"delay_seconds": 60}, {"queue": "other"}):
        await api.submit(**fields)
    answer = await api.post("/api/queues/default/purge")
    assert (answer.status_code, answer.json()["done"], answer.json()["statuses"]) == (202, 2, ["pending"])
    assert (await counts(api))["scheduled"] == 1
    answer = await api.post("/api/queues/default/purge", json={"scheduled": True})
    assert answer.json()["done"] == 1
    after = await counts(api)
    assert (after["pending"], after["scheduled"]) == (1, 0)
    assert is_problem(await api.post("/api/queues/none/purge"), 404)


async def test_waiting_tasks_are_cancelled(tcp_api: Client) -> None:
    for fields in ({}, {"delay_seconds": 60}, {"queue": "other"}):
        await tcp_api.submit(**fields)
    answer = await tcp_api.post("/api/tasks/cancel", json={"queue": "default", "statuses": ["scheduled"]})
    assert (answer.status_code, answer.json()["done"]) == (202, 1)
    assert (await tcp_api.post("/api/tasks/cancel", json={"task_type": "email"})).json()["done"] == 2
    assert (await counts(tcp_api))["cancelled"] == 3


async def test_a_new_payload_is_judged_by_the_one_type_that_gets_it(
    tcp_api: Client, engine: TaskQueue
) -> None:
    await die(tcp_api, engine, 2)
    await publish(engine)
    tcp_api.app.state.runtime.types = KnownTypes()
    for path, body in (
        ("/api/dead-letters/requeue", {"task_type": "email", "payload": {"to": 5}}),
        ("/api/dead-letters/requeue", {"fingerprint": "abc", "payload": {"to": 5}}),
        ("/api/dead-letters/groups/abc/requeue", {"payload": {"to": 5}}),
    ):
        assert is_problem(await tcp_api.post(path, json=body), 422, "payload.to")
    body = {"all": True, "payload": {"to": "ada"}}
    assert is_problem(await tcp_api.post("/api/dead-letters/requeue", json=body), 422, "payload")
    body = {"fingerprint": "none", "payload": {"to": "ada"}}
    assert is_problem(await tcp_api.post("/api/dead-letters/requeue", json=body), 404)
    path = "/api/dead-letters/groups/abc/requeue"
    assert (await tcp_api.post(path, json={"payload": {"to": "abc"}})).json()["done"] == 2
    tasks = (await tcp_api.get("/api/tasks?status=pending")).json()["tasks"]
    assert [task["payload"] for task in tasks] == [{"to": "abc"}] * 2


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("dead-letters/requeue", {}, "body"),
        ("dead-letters/requeue", {"all": False}, "body"),
        ("dead-letters/requeue", {"all": True, "queue": "a"}, "body"),
        ("dead-letters/requeue", {"queue": "a:b"}, "queue"),
        ("dead-letters/requeue", {"queue": None}, "queue"),
        ("dead-letters/requeue", {"all": 1}, "all"),
        ("dead-letters/requeue", {"all": True, "first": 11}, "first"),
        ("dead-letters/requeue", {"all": True, "first": True}, "first"),
        ("dead-letters/requeue", {"all": True, "per_second": 0}, "per_second"),
        ("dead-letters/requeue", {"all": True, "per_second": "5"}, "per_second"),
        ("dead-letters/requeue", {"all": True, "payload": []}, "payload"),
        ("dead-letters/requeue", {"all": True, "statuses": ["pending"]}, "statuses"),
        ("dead-letters/delete", {"all": True, "first": 1}, "first"),
        ("dead-letters/delete", {}, "body"),
        ("dead-letters/groups/abc/requeue", {"first": 1, "limit": 5}, "body"),
        ("tasks/cancel", {}, "body"),
        ("tasks/cancel", {"all": True, "statuses": ["running"]}, "statuses[0]"),
        ("tasks/cancel", {"all": True, "statuses": []}, "statuses"),
        ("tasks/cancel", {"all": True, "fingerprint": "x"}, "fingerprint"),
        ("queues/default/purge", {"scheduled": 1}, "scheduled"),
        ("queues/default/purge", {"all": True}, "all"),
        ("queues/a:b/purge", {}, "queue"),
    ],
)
async def test_a_body_that_breaks_a_rule(tcp_api: Client, path: str, body: Any, field: str) -> None:
    assert is_problem(await tcp_api.post(f"/api/{path}", json=body), 422, field)
    assert (await tcp_api.get("/api/jobs")).json() == {"jobs": []}


@pytest.mark.parametrize(("query", "field"), [("?limit=0", "limit"), ("?limit=101", "limit"), ("?x=1", "x")])
async def test_a_wrong_query_is_named(tcp_api: Client, query: str, field: str) -> None:
    assert is_problem(await tcp_api.get(f"/api/jobs{query}"), 422, field)


@pytest.mark.parametrize("job_id", ["x", "%00", "%ed%a0%80", "0" * 27])
async def test_an_operation_that_is_not_kept(tcp_api: Client, job_id: str) -> None:
    assert is_problem(await tcp_api.get(f"/api/jobs/{job_id}"), 404)
    assert is_problem(await tcp_api.post(f"/api/jobs/{job_id}/cancel"), 404)


async def test_a_slice_that_fails_leaves_the_rest_to_others(
    tcp_api: Client, engine: TaskQueue, monkeypatch: pytest.MonkeyPatch, store: redis.Redis
) -> None:
    await die(tcp_api, engine, 2)

    async def away(*_: Any, **__: Any) -> None:
        raise StoreUnavailable("Redis does not answer.")

    with monkeypatch.context() as patched:
        patched.setattr(TaskQueue, "run_job_slice", away)
        answer = await tcp_api.post("/api/dead-letters/requeue", json={"all": True})
    assert (answer.status_code, answer.json()["state"], answer.json()["done"]) == (202, "running", 0)
    assert (await tcp_api.post("/api/cron/tick")).json() == {"more": False}
    assert (await tcp_api.get(answer.headers["location"])).json()["state"] == "done"

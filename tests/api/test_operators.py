"""What operators do to tasks: requeue, run now, change, delete."""

from __future__ import annotations

import json
import time
from datetime import datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.app import create_app
from api.known_types import KnownTypes
from api.settings import ApiSettings
from shared.queue import TaskQueue
from tests.api.conftest import AppFactory
from tests.api.support import Client, Refusing, is_problem
from tests.api.test_security import API_KEYS, KEYS, NO_TASK
from tests.api.test_task_types import publish
from tests.support.factories import ending, registered


async def die(api: Client, engine: TaskQueue, count: int = 1, group: str = "abc", **fields: Any) -> list[str]:
    """Ids of tasks that were rejected."""
    ids = [(await api.submit(payload={"n": n}, **fields)).json()["id"] for n in range(count)]
    state = await registered(engine, types=("email",))
    claims = (await engine.exchange(state, free=count)).claims
    await engine.exchange(state, [ending(claim, "x")._replace(group=group) for claim in claims], free=0)
    await engine.leave(state)
    return ids


async def test_a_dead_task_is_requeued_once(api: Client, engine: TaskQueue) -> None:
    [task_id] = await die(api, engine)
    answer = await api.post(f"/api/tasks/{task_id}/requeue")
    assert answer.status_code == 200
    assert answer.json() == {"id": task_id, "status": "pending"}
    again = await api.post(f"/api/tasks/{task_id}/requeue", json={})
    assert again.json() == answer.json()
    task = (await api.get(f"/api/tasks/{task_id}")).json()
    assert (task["attempt"], task["error"]) == (0, None)
    assert [one["outcome"] for one in task["attempts"]] == ["rejected", "requeued"]
    assert task["attempts"][1]["worker"] == "local"


async def test_a_dead_task_is_requeued_with_another_payload(api: Client, engine: TaskQueue) -> None:
    [task_id] = await die(api, engine)
    payload = {"to": "ada", "n": 2**70}
    answer = await api.post(f"/api/tasks/{task_id}/requeue", json={"payload": payload})
    assert answer.status_code == 200
    assert str(2**70) in (await api.get(f"/api/tasks/{task_id}")).text


async def test_only_a_dead_task_is_requeued(api: Client) -> None:
    task_id = (await api.submit()).json()["id"]
    answer = await api.post(f"/api/tasks/{task_id}/requeue", json={"payload": {"to": "x"}})
    assert is_problem(answer, 409)
    assert "pending" in answer.json()["detail"]
    assert (await api.get(f"/api/tasks/{task_id}")).json()["payload"] == {"to": "ada@example.org"}


@pytest.mark.parametrize("route", ["requeue", "change"])
async def test_another_payload_is_judged_by_the_schema_of_the_tasks_type(
    tcp_api: Client, engine: TaskQueue, route: str
) -> None:
    if route == "requeue":
        [task_id] = await die(tcp_api, engine)
        method, path = "POST", f"/api/tasks/{task_id}/requeue"
    else:
        task_id = (await tcp_api.submit(delay_seconds=60)).json()["id"]
        method, path = "PATCH", f"/api/tasks/{task_id}"
    await publish(engine)
    tcp_api.app.state.runtime.types = KnownTypes()
    refused = await tcp_api.request(method, path, json={"payload": {"to": 5}})
    assert is_problem(refused, 422, "payload.to")
    assert (await tcp_api.request(method, path, json={"payload": {"to": "abc"}})).status_code == 200
    assert (await tcp_api.get(f"/api/tasks/{task_id}")).json()["payload"] == {"to": "abc"}


async def test_the_payload_of_a_type_that_no_live_worker_knows_can_be_changed(
    tcp_api: Client, engine: TaskQueue
) -> None:
    task_id = (await tcp_api.submit(task_type="asleep")).json()["id"]
    await publish(engine, "other")
    tcp_api.app.state.runtime.types = KnownTypes()
    assert is_problem(await tcp_api.submit(task_type="asleep"), 422, "task_type")
    assert (await tcp_api.patch(f"/api/tasks/{task_id}", json={"payload": {"a": 1}})).status_code == 200


@pytest.mark.parametrize("route", ["requeue", "change"])
async def test_another_payload_has_the_limit_of_the_first(
    make_app: AppFactory, engine: TaskQueue, route: str
) -> None:
    async with Client(make_app(max_payload_bytes=1000)) as api:
        if route == "requeue":
            [task_id] = await die(api, engine)
            method, path = "POST", f"/api/tasks/{task_id}/requeue"
        else:
            task_id = (await api.submit(delay_seconds=60)).json()["id"]
            method, path = "PATCH", f"/api/tasks/{task_id}"
        for text in ("x" * 1000, "ü" * 600):
            answer = await api.request(method, path, json={"payload": {"a": text}})
            assert is_problem(answer, 413, "payload")


async def test_who_requeued_is_the_name_of_the_key(make_app: AppFactory, engine: TaskQueue) -> None:
    async with Client(make_app(api_keys=API_KEYS), key=KEYS["admin"]) as api:
        [task_id] = await die(api, engine)
        await api.post(f"/api/tasks/{task_id}/requeue")
        task = (await api.get(f"/api/tasks/{task_id}")).json()
    assert task["attempts"][-1]["worker"] == "adminer"


async def test_a_scheduled_task_runs_now(api: Client) -> None:
    task_id = (await api.submit(delay_seconds=3600)).json()["id"]
    for _ in range(2):
        answer = await api.post(f"/api/tasks/{task_id}/run-now")
        assert answer.json() == {"id": task_id, "status": "pending"}


async def test_what_waits_is_changed(api: Client) -> None:
    task_id = (await api.submit()).json()["id"]
    path = f"/api/tasks/{task_id}"
    assert (await api.patch(path, json={"priority": 9})).json() == {"id": task_id, "status": "pending"}
    assert (await api.patch(path, json={"payload": {"to": "x"}})).json()["status"] == "pending"
    later = await api.patch(path, json={"run_at": "2100-01-01T01:00:00+01:00"})
    assert later.json()["status"] == "scheduled"
    task = (await api.get(path)).json()
    assert (task["priority"], task["payload"]) == (9, {"to": "x"})
    assert task["run_at"] == "2100-01-01T00:00:00.000Z"
    assert (await api.patch(path, json={"delay_seconds": 60})).json()["status"] == "scheduled"
    run_at = datetime.fromisoformat((await api.get(path)).json()["run_at"]).timestamp()
    assert 55 < run_at - time.time() < 65
    assert (await api.patch(path, json={"run_at": "0001-01-01T00:00:00Z"})).json()["status"] == "pending"


async def test_what_runs_or_ended_is_neither_changed_nor_run_now(api: Client, engine: TaskQueue) -> None:
    state = await registered(engine, types=("email",))
    task_id = (await api.submit()).json()["id"]
    path = f"/api/tasks/{task_id}"
    [claim] = (await engine.exchange(state, free=1)).claims
    for _ in range(2):
        assert is_problem(await api.patch(path, json={"priority": 9}), 409)
        assert is_problem(await api.post(f"{path}/run-now"), 409)
        await engine.exchange(state, [ending(claim)], free=0)
    assert (await api.get(path)).json()["status"] == "completed"


async def test_what_does_not_run_is_deleted(api: Client, engine: TaskQueue) -> None:
    [dead] = await die(api, engine)
    waiting = (await api.submit(delay_seconds=60)).json()["id"]
    for task_id in (dead, waiting):
        answer = await api.delete(f"/api/tasks/{task_id}")
        assert (answer.status_code, answer.content) == (204, b"")
        assert is_problem(await api.delete(f"/api/tasks/{task_id}"), 404)
        assert is_problem(await api.get(f"/api/tasks/{task_id}"), 404)


async def test_what_runs_is_not_deleted(api: Client, engine: TaskQueue) -> None:
    state = await registered(engine, types=("email",))
    task_id = (await api.submit()).json()["id"]
    await engine.exchange(state, free=1)
    answer = await api.delete(f"/api/tasks/{task_id}")
    assert is_problem(answer, 409)
    assert "Cancel it first" in answer.json()["detail"]


@pytest.mark.parametrize("task_id", [NO_TASK, "x", "0" * 26 + "U", "%00", "%ed%a0%80", "ü" * 27])
async def test_an_id_that_nobody_has(tcp_api: Client, task_id: str) -> None:
    path = f"/api/tasks/{task_id}"
    assert is_problem(await tcp_api.post(f"{path}/requeue"), 404)
    assert is_problem(await tcp_api.post(f"{path}/requeue", json={"payload": {}}), 404)
    assert is_problem(await tcp_api.post(f"{path}/run-now"), 404)
    assert is_problem(await tcp_api.patch(path, json={"priority": 1, "payload": {}}), 404)
    assert is_problem(await tcp_api.delete(path), 404)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "body"),
        ([], "body"),
        ({"priority": 11}, "priority"),
        ({"priority": 0}, "priority"),
        ({"priority": "5"}, "priority"),
        ({"priority": True}, "priority"),
        ({"priority": 5.5}, "priority"),
        ({"priority": None}, "priority"),
        ({"payload": None}, "payload"),
        ({"payload": [1]}, "payload"),
        ({"delay_seconds": -1}, "delay_seconds"),
        ({"delay_seconds": 10**9}, "delay_seconds"),
        ({"delay_seconds": "5"}, "delay_seconds"),
        ({"run_at": "2100-01-01T00:00:00"}, "run_at"),
        ({"run_at": 4102444800}, "run_at"),
        ({"run_at": "9999-12-31T23:59:59Z"}, "run_at"),
        ({"run_at": "2100-01-01T00:00:00Z", "delay_seconds": 1}, "delay_seconds"),
        ({"queue": "other"}, "queue"),
        ({"priority": 5, "status": "dead"}, "status"),
        ({"x" * 500: 1}, "x" * 80),
    ],
)
async def test_a_change_that_breaks_a_rule(tcp_api: Client, body: Any, field: str) -> None:
    task_id = (await tcp_api.submit()).json()["id"]
    before = (await tcp_api.get(f"/api/tasks/{task_id}")).json()
    assert is_problem(await tcp_api.patch(f"/api/tasks/{task_id}", json=body), 422, field)
    assert (await tcp_api.get(f"/api/tasks/{task_id}")).json() == before


@pytest.mark.parametrize(
    ("route", "body", "field"),
    [
        ("requeue", {"payload": None}, "payload"),
        ("requeue", {"payload": "x"}, "payload"),
        ("requeue", {"priority": 5}, "priority"),
        ("requeue", [], "body"),
        ("run-now", {"delay_seconds": 5}, "delay_seconds"),
        ("run-now", [], "body"),
    ],
)
async def test_a_body_that_breaks_a_rule(tcp_api: Client, route: str, body: Any, field: str) -> None:
    assert is_problem(await tcp_api.post(f"/api/tasks/{NO_TASK}/{route}", json=body), 422, field)


ROUTES = [
    ("PATCH", f"/api/tasks/{NO_TASK}"),
    ("POST", f"/api/tasks/{NO_TASK}/requeue"),
    ("POST", f"/api/tasks/{NO_TASK}/run-now"),
    ("POST", "/api/queues/mail/pause"),
    ("POST", "/api/queues/mail/resume"),
    ("POST", "/api/workers/w-1/drain"),
    ("POST", "/api/dead-letters/groups/abc/requeue"),
    ("POST", "/api/dead-letters/requeue"),
    ("POST", "/api/dead-letters/delete"),
    ("POST", "/api/tasks/cancel"),
    ("POST", "/api/queues/mail/purge"),
    ("POST", f"/api/jobs/{NO_TASK}/cancel"),
    ("PUT", "/api/schedules/daily"),
    ("POST", "/api/schedules/preview"),
    ("POST", "/api/schedules/daily/pause"),
    ("POST", "/api/schedules/daily/resume"),
    ("POST", "/api/schedules/daily/run"),
    ("POST", "/api/cron/tick"),
    ("POST", "/api/audit/repair"),
]


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_hostile_bodies_of_every_route(method: str, path: str) -> None:
    app = create_app(ApiSettings(redis_url="redis://127.0.0.1:1", max_body_bytes=2000), transport=Refusing())
    sent = {"Content-Type": "application/json"}
    async with Client(app) as api:
        for content, headers, status in (
            (b"{", sent, 400),
            (b"\xff", sent, 400),
            (b'{"a": NaN}', sent, 400),
            (b'{"a": 1, "a": 2}', sent, 422),
            (b'{"\\ud800": 1}', sent, 422),
            (b"[" * 900 + b"]" * 900, sent, 422),
            (b'{"a": ' + b"9" * 1900 + b"}", sent, 422),
            (b" " * 2001, sent, 413),
            (b"{}", {"Content-Type": "text/plain"}, 415),
            (b"{}", {}, 415),
            (b"{}", {**sent, "Content-Encoding": "gzip"}, 415),
        ):
            answer = await api.request(method, path, content=content, headers=headers)
            assert is_problem(answer, status), content[:40]


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    route=st.sampled_from(ROUTES),
    body=st.dictionaries(
        st.sampled_from(["payload", "priority", "run_at", "delay_seconds", "reason", "drain", "limit", "a"]),
        st.none() | st.booleans() | st.floats() | st.text(st.characters(codec=None), max_size=8),
        max_size=4,
    ),
)
async def test_no_body_is_our_failure(route: tuple[str, str], body: dict[str, Any]) -> None:
    """Each has a field that no route knows, so Redis is not asked."""
    app = create_app(ApiSettings(redis_url="redis://127.0.0.1:1"), transport=Refusing())
    headers = {"Content-Type": "application/json"}
    async with Client(app) as api:
        content = json.dumps({**body, "none of ours": 1})
        answer = await api.request(*route, content=content, headers=headers)
    assert answer.status_code in (400, 422), answer.text

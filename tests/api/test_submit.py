"""POST /api/tasks: what is stored, once, and how it is answered."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import fastapi.routing
import pytest

from api.app import create_app
from shared.queue import TaskQueue
from tests.api.conftest import AppFactory
from tests.api.support import MAIL, Client, ask_raw, is_problem
from tests.support.factories import registered


async def test_a_stored_task_is_answered_with_its_id_and_can_be_read(api: Client) -> None:
    answer = await api.submit(priority=9, metadata={"order": 17})
    assert answer.status_code == 202
    task = answer.json()
    assert task["status"] == "pending"
    assert answer.headers["location"] == f"/api/tasks/{task['id']}"

    stored = (await api.get(answer.headers["location"])).json()
    assert stored["id"] == task["id"]
    assert stored["payload"] == MAIL["payload"]
    assert (stored["priority"], stored["queue"], stored["max_retries"], stored["attempt"]) == (
        9,
        "default",
        3,
        0,
    )
    assert stored["metadata"] == {"order": 17}
    assert stored["created_at"].endswith("Z")
    created = datetime.fromisoformat(stored["created_at"])
    assert abs((datetime.now(UTC) - created).total_seconds()) < 60
    assert len(stored["created_at"]) == len("2026-12-01T08:00:00.000Z")


async def test_submissions_go_no_general_way_to_their_parameters(
    api: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are what is asked for most; a route with parameters of its own goes FastAPI's way."""
    solved: list[str] = []
    solve = fastapi.routing.solve_dependencies

    async def watched(*, request: fastapi.Request, **others: Any) -> Any:
        solved.append(f"{request.method} {request.url.path}")
        return await solve(request=request, **others)

    monkeypatch.setattr(fastapi.routing, "solve_dependencies", watched)
    assert (await api.submit()).status_code == 202
    assert (await api.post("/api/tasks/batch", json={"tasks": [MAIL]})).status_code == 202
    assert (await api.get("/api/tasks")).status_code == 200
    assert solved == ["GET /api/tasks"]


async def test_integers_of_any_size_come_back_exactly(api: Client) -> None:
    numbers = [2**53 + 1, 2**64 + 1, -(2**80), 10**4000]
    answer = await api.submit(payload={"numbers": numbers})
    text = (await api.get(answer.headers["location"])).text
    for number in numbers:
        assert str(number) in text


@pytest.mark.parametrize(
    "run_at", ["9999-12-31T23:59:59-23:59", "9999-12-31T23:59:59.999999Z", "9998-12-31T23:59:59.999999-23:59"]
)
async def test_a_time_beyond_all_calendars_is_refused_or_can_be_read(api: Client, run_at: str) -> None:
    answer = await api.submit(run_at=run_at)
    if run_at.startswith("9999"):
        assert is_problem(answer, 422, "run_at")
    else:
        assert (await api.get(answer.headers["location"])).status_code == 200
    assert (await api.get("/api/tasks")).status_code == 200


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"delay_seconds": 60}, "scheduled"),
        ({"delay_seconds": 0}, "pending"),
        ({"run_at": "2999-01-01T00:00:00Z"}, "scheduled"),
        ({"run_at": "2001-01-01T00:00:00+02:00"}, "pending"),
        ({"queue": "mail", "max_retries": 0, "timeout_seconds": 1.5, "retention_seconds": 60}, "pending"),
        ({"retry": {"initial_seconds": 1, "factor": 3, "max_seconds": 9, "jitter": "none"}}, "pending"),
    ],
)
async def test_every_field_is_accepted(tcp_api: Client, fields: dict, status: str) -> None:
    answer = await tcp_api.submit(**fields)
    assert answer.status_code == 202
    assert answer.json()["status"] == status


async def test_the_same_key_and_body_give_the_same_task(api: Client) -> None:
    first = await api.submit(idempotency_key="k-1")
    again = await api.submit(idempotency_key="k-1")
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json()["id"] == again.json()["id"]
    listed = (await api.get("/api/tasks")).json()["tasks"]
    assert [task["id"] for task in listed] == [first.json()["id"]]


async def test_the_same_key_with_another_body_is_refused(api: Client) -> None:
    headers = {"Idempotency-Key": "k-1"}
    first = await api.post("/api/tasks", json=MAIL, headers=headers)
    again = await api.post("/api/tasks", json=MAIL, headers=headers)
    other = await api.post("/api/tasks", json={**MAIL, "priority": 6}, headers=headers)
    assert first.json() == again.json()
    assert is_problem(other, 409)
    assert other.json()["type"] == "/api/problems/idempotency-conflict"
    assert first.json()["id"] in other.json()["detail"]


async def test_a_key_written_out_as_default_is_another_body(tcp_api: Client) -> None:
    """The fingerprint is over the request as received, not over what it was filled up to."""
    await tcp_api.submit(idempotency_key="k-1")
    assert is_problem(await tcp_api.submit(idempotency_key="k-1", priority=5), 409)


async def test_fifty_at_once_with_one_key_store_one_task(api: Client) -> None:
    answers = await asyncio.gather(*(api.submit(idempotency_key="k-50") for _ in range(50)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["id"] for answer in answers}) == 1
    counts = (await api.get("/api/overview")).json()["counts"]
    assert counts["pending"] == 1


async def test_key_in_header_and_body(tcp_api: Client) -> None:
    body = {**MAIL, "idempotency_key": "a"}
    same = await tcp_api.post("/api/tasks", json=body, headers={"Idempotency-Key": "a"})
    assert same.status_code == 202
    other = await tcp_api.post("/api/tasks", json=body, headers={"Idempotency-Key": "b"})
    assert is_problem(other, 422, "idempotency_key")


@pytest.mark.parametrize("key", [b"", b"x" * 256, b"\xff\xfe", b"a\x00b", "é".encode()])
async def test_a_header_key_that_is_none(tcp_api: Client, key: bytes) -> None:
    answer = await tcp_api.post("/api/tasks", json=MAIL, headers=[(b"Idempotency-Key", key)])
    assert is_problem(answer, 422, "Idempotency-Key")


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"task_type": None}, "task_type"),
        ({"task_type": "no blanks"}, "task_type"),
        ({"task_type": "x" * 65}, "task_type"),
        ({"payload": []}, "payload"),
        ({"payload": "text"}, "payload"),
        ({"priority": "5"}, "priority"),
        ({"task_type": "webhook"}, "task_type"),
        ({"callback_url": "ftp://hooks.example"}, "callback_url"),
        ({"callback_url": "https://user:word@hooks.example/"}, "callback_url"),
        ({"callback_url": "https://hooks.example/a b"}, "callback_url"),
        ({"callback_url": 'https://hooks.example/"'}, "callback_url"),
        ({"callback_url": "https://hooks.example/\n"}, "callback_url"),
        ({"callback_url": "https://h\u00fc.example/"}, "callback_url"),
        ({"callback_url": "https://"}, "callback_url"),
        ({"callback_url": "https://["}, "callback_url"),
        ({"callback_url": "https://hooks.example:99999/"}, "callback_url"),
        ({"callback_url": "https://hooks.example:https/"}, "callback_url"),
        ({"callback_url": "https://hooks.example/" + "x" * 1000}, "callback_url"),
        ({"priority": True}, "priority"),
        ({"priority": 5.5}, "priority"),
        ({"priority": 0}, "priority"),
        ({"priority": 11}, "priority"),
        ({"priority": 10**4200}, "priority"),
        ({"queue": "a:b"}, "queue"),
        ({"queue": ""}, "queue"),
        ({"delay_seconds": "3"}, "delay_seconds"),
        ({"delay_seconds": -1}, "delay_seconds"),
        ({"delay_seconds": True}, "delay_seconds"),
        ({"delay_seconds": 10**400}, "delay_seconds"),
        ({"run_at": "tomorrow"}, "run_at"),
        ({"run_at": "2026-12-01T08:00:00"}, "run_at"),
        ({"run_at": 1_800_000_000}, "run_at"),
        ({"run_at": "2026-12-01T08:00:00Z", "delay_seconds": 1}, "delay_seconds"),
        ({"max_retries": -1}, "max_retries"),
        ({"max_retries": 101}, "max_retries"),
        ({"timeout_seconds": 0}, "timeout_seconds"),
        ({"idempotency_key": ""}, "idempotency_key"),
        ({"idempotency_key": 7}, "idempotency_key"),
        ({"retry": {"factor": 0.5}}, "retry.factor"),
        ({"retry": {"jitter": "some"}}, "retry.jitter"),
        ({"retry": {"tries": 3}}, "retry.tries"),
        ({"retention_seconds": 0}, "retention_seconds"),
        ({"metadata": []}, "metadata"),
        ({"status": "completed"}, "status"),
        ({"id": "x"}, "id"),
    ],
)
async def test_a_wrong_field_is_named(tcp_api: Client, fields: dict, field: str) -> None:
    assert is_problem(await tcp_api.submit(**fields), 422, field)
    assert (await tcp_api.get("/api/overview")).json()["counts"]["pending"] == 0


@pytest.mark.parametrize("missing", ["task_type", "payload"])
async def test_a_missing_field_is_named(tcp_api: Client, missing: str) -> None:
    body = {name: value for name, value in MAIL.items() if name != missing}
    assert is_problem(await tcp_api.post("/api/tasks", json=body), 422, missing)


async def test_a_batch_is_stored_in_order(api: Client) -> None:
    tasks = [{**MAIL, "payload": {"n": n}, "delay_seconds": n * 60} for n in range(3)]
    answer = await api.post("/api/tasks/batch", json={"tasks": tasks})
    assert answer.status_code == 202
    stored = answer.json()["tasks"]
    assert [task["status"] for task in stored] == ["pending", "scheduled", "scheduled"]
    for n, task in enumerate(stored):
        assert (await api.get(f"/api/tasks/{task['id']}")).json()["payload"] == {"n": n}


async def test_a_fault_in_a_batch_is_named_and_nothing_is_stored(api: Client) -> None:
    tasks = [MAIL, MAIL, MAIL, {**MAIL, "priority": 11}]
    answer = await api.post("/api/tasks/batch", json={"tasks": tasks})
    assert is_problem(answer, 422, "tasks[3].priority")
    assert (await api.get("/api/tasks")).json()["tasks"] == []


async def test_a_conflict_in_a_batch_stores_nothing(api: Client) -> None:
    await api.submit(idempotency_key="k")
    tasks = [MAIL, {**MAIL, "idempotency_key": "k", "priority": 1}]
    assert is_problem(await api.post("/api/tasks/batch", json={"tasks": tasks}), 409)
    assert (await api.get("/api/overview")).json()["counts"]["pending"] == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "tasks"),
        ({"tasks": []}, "tasks"),
        ({"tasks": {}}, "tasks"),
        ({"tasks": [MAIL] * 1001}, "tasks"),
        ({"tasks": [MAIL, 5]}, "tasks[1]"),
        ({"tasks": [MAIL], "more": 1}, "more"),
        ({"tasks": [{**MAIL, "limit_key": ""}]}, "tasks[0].limit_key"),
        ({"tasks": [{**MAIL, "extra": "u"}]}, "tasks[0].extra"),
        ([MAIL], "body"),
    ],
)
async def test_a_wrong_batch_is_named(tcp_api: Client, body: object, field: str) -> None:
    assert is_problem(await tcp_api.post("/api/tasks/batch", json=body), 422, field)


async def test_a_header_key_cannot_stand_for_a_batch(tcp_api: Client) -> None:
    answer = await tcp_api.post("/api/tasks/batch", json={"tasks": [MAIL]}, headers={"Idempotency-Key": "k"})
    assert is_problem(answer, 422, "Idempotency-Key")


async def test_a_thousand_in_one_batch(tcp_api: Client) -> None:
    answer = await tcp_api.post("/api/tasks/batch", json={"tasks": [MAIL] * 1000})
    assert answer.status_code == 202
    assert len({task["id"] for task in answer.json()["tasks"]}) == 1000


async def test_submissions_survive_the_application(make_app: AppFactory, engine: TaskQueue) -> None:
    """Two instances share nothing but Redis."""
    async with Client(make_app()) as one, Client(make_app()) as other:
        first = await one.submit(idempotency_key="k")
        again = await other.submit(idempotency_key="k")
    assert first.json()["id"] == again.json()["id"]


async def test_what_a_worker_did_is_read(api: Client, engine: TaskQueue) -> None:
    from tests.support.factories import ending

    state = await registered(engine, types=("email",))
    answer = await api.submit()
    claims = (await engine.exchange(state, free=1)).claims
    running = (await api.get(answer.headers["location"])).json()
    assert (running["status"], running["worker"], running["attempt"]) == ("running", state.name, 1)
    await engine.exchange(state, [ending(claims[0], "c", '{"sent":9007199254740993}')], free=0)
    done = await api.get(answer.headers["location"])
    assert done.json()["status"] == "completed"
    assert '"sent":9007199254740993' in done.text
    assert done.json()["attempts"][0]["outcome"] == "completed"


def test_an_application_is_made_without_any_setting() -> None:
    assert create_app() is not None


TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


async def test_a_trace_is_carried(api: Client) -> None:
    one = await api.post("/api/tasks", json={**MAIL, "metadata": {"a": 1}}, headers={"Traceparent": TRACE})
    batch = await api.post("/api/tasks/batch", json={"tasks": [MAIL] * 2}, headers={"Traceparent": TRACE})
    ids = [one.json()["id"], *(task["id"] for task in batch.json()["tasks"])]
    tasks = [(await api.get(f"/api/tasks/{task_id}")).json() for task_id in ids]
    assert [task["traceparent"] for task in tasks] == [TRACE] * 3
    assert [task["metadata"] for task in tasks] == [{"a": 1}, None, None]


async def test_a_repeat_in_another_trace_is_the_same_task(api: Client) -> None:
    headers = {"Idempotency-Key": "k"}
    first = await api.post("/api/tasks", json=MAIL, headers={**headers, "Traceparent": TRACE})
    again = await api.post(
        "/api/tasks", json=MAIL, headers={**headers, "Traceparent": TRACE.replace("4", "5")}
    )
    assert again.json() == first.json()
    assert (await api.get(f"/api/tasks/{first.json()['id']}")).json()["traceparent"] == TRACE


@pytest.mark.parametrize(
    "value",
    [
        "",
        "x",
        TRACE.upper(),
        TRACE + "-more",
        "ff" + TRACE[2:],
        "00-" + "0" * 32 + TRACE[35:],
        TRACE[:36] + "0" * 16 + "-01",
        "\u00fc" * 55,
    ],
)
async def test_a_wrong_trace_is_ignored(tcp_api: Client, value: str) -> None:
    answer = await ask_raw(
        tcp_api.app,
        "POST",
        "/api/tasks",
        headers=[(b"content-type", b"application/json"), (b"traceparent", value.encode())],
        chunks=[json.dumps(MAIL).encode()],
    )
    assert answer.status == 202
    task = (await tcp_api.get(f"/api/tasks/{answer.json['id']}")).json()
    assert task["traceparent"] is None

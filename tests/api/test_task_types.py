"""Published task types: what is refused by them, what is taken from them, and when they are read."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from api import known_types
from shared.queue import TaskQueue
from tests.api.conftest import AppFactory
from tests.api.support import Client, is_problem
from tests.support.factories import description, worker

SCHEMA = {
    "type": "object",
    "$defs": {"Part": {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}},
    "properties": {
        "to": {"type": "string", "minLength": 3},
        "parts": {"type": "array", "items": {"$ref": "#/$defs/Part"}, "maxItems": 3},
        "size": {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "null"}]},
        "kind": {"enum": ["a", "b"]},
        "step": {"type": "number", "multipleOf": 0.5},
    },
    "required": ["to"],
    "additionalProperties": False,
}


class Clock:
    """A clock that a test moves."""

    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(tcp_api: Client) -> Clock:
    """The clock of the application behind `tcp_api`."""
    made = Clock()
    tcp_api.app.state.runtime.types = known_types.KnownTypes(clock=made)
    return made


async def publish(engine: TaskQueue, name: str = "email", schema: Any = None, **more: Any) -> None:
    """Register a worker that knows one type."""
    state = worker(types=(name,))
    body = {
        "schema": SCHEMA if schema is None else schema,
        "version": "2",
        "queue": "mail",
        "max_retries": 7,
        "timeout_seconds": 30,
        "description": "sends",
        **more,
    }
    await engine.register(state, description(state), {name: json.dumps(body)})


async def test_defaults_come_from_the_type(api: Client, engine: TaskQueue) -> None:
    await publish(engine)
    answer = await api.submit()
    task = (await api.get(answer.headers["location"])).json()
    assert (task["queue"], task["max_retries"]) == ("mail", 7)
    answer = await api.submit(queue="own", max_retries=0)
    task = (await api.get(answer.headers["location"])).json()
    assert (task["queue"], task["max_retries"]) == ("own", 0)


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        ({}, "payload.to"),
        ({"to": 5}, "payload.to"),
        ({"to": "x"}, "payload.to"),
        ({"to": "abc", "cc": "d"}, "payload.cc"),
        ({"to": "abc", "parts": {}}, "payload.parts"),
        ({"to": "abc", "parts": [{"name": "a"}, {}]}, "payload.parts[1].name"),
        ({"to": "abc", "parts": [{"name": 1}]}, "payload.parts[0].name"),
        ({"to": "abc", "parts": list(range(3))}, "payload.parts[0]"),
        ({"to": "abc", "parts": [{"name": "a"}] * 4}, "payload.parts"),
        ({"to": "abc", "size": 0}, "payload.size"),
        ({"to": "abc", "kind": "c"}, "payload.kind"),
        ({"to": "abc", "step": 0.3}, "payload.step"),
    ],
)
async def test_a_payload_that_does_not_fit_is_named(
    tcp_api: Client, engine: TaskQueue, payload: dict, field: str
) -> None:
    await publish(engine)
    assert is_problem(await tcp_api.submit(payload=payload), 422, field)
    good = {"task_type": "email", "payload": {"to": "abc"}}
    batch = {"tasks": [good, {"task_type": "email", "payload": payload}]}
    assert is_problem(await tcp_api.post("/api/tasks/batch", json=batch), 422, f"tasks[1].{field}")
    assert (await tcp_api.get("/api/overview")).json()["counts"]["pending"] == 0


async def test_a_payload_that_fits(tcp_api: Client, engine: TaskQueue) -> None:
    await publish(engine)
    payload = {"to": "abc", "parts": [{"name": "a"}], "size": None, "kind": "b", "step": 1.5}
    assert (await tcp_api.submit(payload=payload)).status_code == 202


async def test_numbers_that_break_a_validator_break_nothing(tcp_api: Client, engine: TaskQueue) -> None:
    await publish(engine)
    answer = await tcp_api.submit(payload={"to": "abc", "step": 10**4000})
    assert answer.status_code in (202, 422)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "no such type"},
        {"$ref": "#/$defs/Missing"},
        {"$ref": "https://example.org/schema.json"},
        {"properties": {"to": {"pattern": "("}}},
        {"$ref": "#"},
        {"properties": 5},
        {"$schema": "https://example.org/unknown"},
        {},
    ],
)
async def test_a_schema_that_cannot_be_used_refuses_nothing(
    tcp_api: Client, engine: TaskQueue, schema: Any
) -> None:
    await publish(engine, schema=schema)
    assert (await tcp_api.submit()).status_code == 202


async def test_the_payload_limit_is_checked_before_the_schema(
    make_app: AppFactory, engine: TaskQueue
) -> None:
    await publish(engine)
    async with Client(make_app(max_payload_bytes=100)) as client:
        assert is_problem(await client.submit(payload={"to": 5, "x": "y" * 200}), 413, "payload")


async def test_an_unknown_type_is_refused_while_live_workers_are_known(
    api: Client, engine: TaskQueue
) -> None:
    await publish(engine, "email")
    await publish(engine, "data")
    answer = await api.submit(task_type="emial")
    assert is_problem(answer, 422, "task_type")
    assert answer.json()["type"] == "/api/problems/unknown-task-type"
    assert "data, email" in answer.json()["fix"]
    batch = {"tasks": [{"task_type": "email", "payload": {"to": "abc"}}, {"task_type": "x", "payload": {}}]}
    assert is_problem(await api.post("/api/tasks/batch", json=batch), 422, "tasks[1].task_type")


async def test_any_type_is_taken_while_no_live_worker_is_known(api: Client) -> None:
    assert (await api.submit(task_type="whatever")).status_code == 202


async def test_a_type_published_since_is_noticed_soon(
    tcp_api: Client, engine: TaskQueue, clock: Clock
) -> None:
    assert (await tcp_api.submit()).status_code == 202
    await publish(engine)
    clock.now += known_types.ABSENCE_TTL_S
    assert is_problem(await tcp_api.submit(payload={}), 422, "payload.to")


async def test_the_check_can_be_turned_off(make_app: AppFactory, engine: TaskQueue) -> None:
    await publish(engine)
    async with Client(make_app(check_task_types=False)) as client:
        assert (await client.submit(task_type="emial")).status_code == 202
        assert is_problem(await client.submit(payload={}), 422, "payload.to")


async def test_the_registry_is_read_once_in_a_while(tcp_api: Client, engine: TaskQueue) -> None:
    await publish(engine)
    await tcp_api.submit()
    await tcp_api.submit()
    third = await tcp_api.submit()
    assert int(third.headers["x-redis-calls"]) <= 7


async def test_many_at_once_read_it_once(tcp_api: Client, engine: TaskQueue, store: Any) -> None:
    await publish(engine)
    before = store.info("commandstats")["cmdstat_evalsha"]["calls"]
    answers = await asyncio.gather(*(tcp_api.submit() for _ in range(20)))
    assert {answer.status_code for answer in answers} == {202}
    after = store.info("commandstats")["cmdstat_evalsha"]["calls"]
    assert after - before <= 20 + 1 + len({"types", "submit"})


async def test_it_is_read_again_before_a_refusal(tcp_api: Client, engine: TaskQueue) -> None:
    await publish(engine, "email")
    await tcp_api.submit()
    await publish(engine, "data")
    assert (await tcp_api.submit(task_type="data")).status_code == 202
    await publish(engine, "email", {"type": "object"})
    assert (await tcp_api.submit(payload={"other": 1})).status_code == 202


async def test_it_is_read_again_when_it_is_old(tcp_api: Client, engine: TaskQueue, clock: Clock) -> None:
    await publish(engine, "email", max_retries=1)
    await tcp_api.submit()
    await publish(engine, "email", max_retries=2)
    clock.now += known_types.TTL_S - 1
    young = await tcp_api.submit()
    assert (await tcp_api.get(young.headers["location"])).json()["max_retries"] == 1
    clock.now += 1
    old = await tcp_api.submit()
    assert (await tcp_api.get(old.headers["location"])).json()["max_retries"] == 2


async def test_the_list_of_types(api: Client, engine: TaskQueue) -> None:
    await publish(
        engine, "email", retry={"initial_seconds": 5, "factor": 2, "max_seconds": 60, "jitter": "none"}
    )
    await publish(engine, "data")
    answer = (await api.get("/api/task-types")).json()
    assert answer["has_live_workers"] is True
    assert [kind["name"] for kind in answer["task_types"]] == ["data", "email"]
    email = answer["task_types"][1]
    assert email["schema"] == SCHEMA
    assert (email["queue"], email["max_retries"], email["timeout_seconds"]) == ("mail", 7, 30)
    assert email["retry"]["jitter"] == "none"
    assert email["live"] is True

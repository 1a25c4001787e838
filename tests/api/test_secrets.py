"""What a task type calls secret is masked in every answer, unless an admin asks for it by name."""

from __future__ import annotations

import json
from typing import Any

import pytest
import redis

from api.secrets import KnownSecrets
from shared.masking import MASK
from shared.queue import TaskQueue
from tests.api.conftest import AppFactory
from tests.api.support import DAILY, Client, is_problem
from tests.api.test_security import API_KEYS, KEYS
from tests.support.factories import ending, worker
from tests.support.secret_handlers import Login

SECRET = "hunter2-and-more"
LOGIN = {"password": SECRET, "accounts": [{"name": "a", "token": "token-of-a"}, {"name": "b"}]}
SUBMITTED = {"task_type": "login", "payload": LOGIN}


async def publish(engine: TaskQueue, schema: Any = None) -> Any:
    """A worker that knows `login`."""
    description = {
        "schema": schema or Login.model_json_schema(),
        "version": "1",
        "queue": "default",
        "max_retries": 0,
        "timeout_seconds": 30,
        "description": "",
    }
    state = worker(types=("login",))
    about = {"host": "h", "version": "1", "queues": ["default"], "types": ["login"], "slots": 1}
    text = json.dumps({**about, "started_at": "2026-01-01T00:00:00Z"})
    await engine.register(state, text, {"login": json.dumps(description)})
    return state


async def test_the_payload_is_masked_in_tasks_and_lists(api: Client, engine: TaskQueue) -> None:
    await publish(engine)
    location = (await api.post("/api/tasks", json=SUBMITTED)).headers["location"]
    masked = {"password": MASK, "accounts": [{"name": "a", "token": MASK}, {"name": "b"}]}
    task = await api.get(location)
    assert task.json()["payload"] == masked
    page = await api.get("/api/tasks")
    assert page.json()["tasks"][0]["payload"] == masked
    assert task.headers["x-redis-calls"] == "1"


async def test_what_a_handler_repeats_is_masked(api: Client, engine: TaskQueue) -> None:
    state = await publish(engine)
    for kind, body in [
        ("c", json.dumps({"echo": SECRET, "nested": [{"x": f"<{SECRET}>"}]})),
        ("x", json.dumps({"type": "E", "message": f"no {SECRET}", "traceback": f"at {SECRET!r}"})),
    ]:
        location = (await api.post("/api/tasks", json=SUBMITTED)).headers["location"]
        [claim] = (await engine.exchange(state, free=1)).claims
        note = ending(claim, "l", json.dumps({"message": f"log {SECRET}"}))
        await engine.exchange(state, [note, ending(claim, kind, body)], free=0)
        text = (await api.get(location)).text
        assert SECRET not in text
        assert MASK in text
    for path in ("/api/dead-letters", "/api/dead-letters/groups", "/api/tasks"):
        answer = await api.get(path)
        assert answer.status_code == 200
        assert SECRET not in answer.text, path


async def test_only_an_admin_reveals_and_that_is_kept(make_app: AppFactory, engine: TaskQueue) -> None:
    await publish(engine)
    app = make_app(api_keys=API_KEYS)
    async with Client(app, key=KEYS["admin"]) as ops, Client(app, key=KEYS["read"]) as reader:
        location = (await ops.post("/api/tasks", json=SUBMITTED)).headers["location"]
        assert is_problem(await reader.get(f"{location}?reveal=true"), 403)
        assert (await ops.get("/api/audit")).json()["entries"] == []
        assert (await reader.get(f"{location}?reveal=false")).json()["payload"]["password"] == MASK
        revealed = await ops.get(f"{location}?reveal=true")
        assert revealed.json()["payload"] == LOGIN
        assert revealed.headers["cache-control"] == "no-store"
        [entry] = (await ops.get("/api/audit")).json()["entries"]
        assert (entry["action"], entry["by"]) == ("reveal", "adminer")
        for wrong in ("yes", "1", "True", "", "null"):
            assert is_problem(await ops.get(f"{location}?reveal={wrong}"), 422, "reveal")
        assert is_problem(await ops.get(f"{location}?revael=true"), 422, "revael")


async def test_a_mask_that_comes_back_is_the_stored_secret(api: Client, engine: TaskQueue) -> None:
    await publish(engine)
    location = (await api.post("/api/tasks", json={**SUBMITTED, "delay_seconds": 60})).headers["location"]
    shown = (await api.get(location)).json()["payload"]
    shown["how"] = "edited"
    assert (await api.patch(location, json={"payload": shown})).status_code == 200
    assert (await api.get(f"{location}?reveal=true")).json()["payload"] == {**LOGIN, "how": "edited"}
    shown["accounts"].append({"name": "c", "token": MASK})
    assert is_problem(await api.patch(location, json={"payload": shown}), 422, "payload.accounts[2].token")


async def test_a_mask_stands_for_no_secret_of_several_tasks(api: Client, engine: TaskQueue) -> None:
    await publish(engine)
    body = {"task_type": "login", "payload": {**LOGIN, "password": MASK}}
    assert is_problem(await api.post("/api/dead-letters/requeue", json=body), 422, "payload.password")


async def test_schedules(api: Client, engine: TaskQueue) -> None:
    await publish(engine)
    spec = {**DAILY, "task": SUBMITTED}
    created = await api.put("/api/schedules/daily", json=spec)
    assert created.status_code == 201
    shown = created.json()["spec"]
    assert shown["task"]["payload"]["password"] == MASK
    for method, path in [("GET", ""), ("GET", "/daily"), ("POST", "/daily/pause"), ("POST", "/daily/resume")]:
        answer = await api.request(method, f"/api/schedules{path}")
        assert answer.status_code == 200
        assert SECRET not in answer.text
    shown["task"]["priority"] = 9
    assert (await api.put("/api/schedules/daily", json=shown)).status_code == 200
    ran = (await api.post("/api/schedules/daily/run")).json()["id"]
    task = (await api.get(f"/api/tasks/{ran}?reveal=true")).json()
    assert (task["priority"], task["payload"]) == (9, LOGIN)
    assert is_problem(await api.put("/api/schedules/other", json=shown), 422, "task.payload.password")


async def test_a_task_from_before_its_type_was_known_is_masked_soon(api: Client, engine: TaskQueue) -> None:
    location = (await api.post("/api/tasks", json=SUBMITTED)).headers["location"]
    await publish(engine)
    now = [0.0]
    api.app.state.runtime.secrets = KnownSecrets(lambda: now[0])
    assert (await api.get(location)).json()["payload"]["password"] == MASK


async def test_what_is_known_is_read_once_a_minute(engine: TaskQueue) -> None:
    now = [0.0]
    known = KnownSecrets(lambda: now[0])
    await publish(engine)
    calls = []
    for seconds in (0, 59, 1, 60):
        now[0] += seconds
        before = engine.calls
        await known.of(engine, "login")
        calls.append(engine.calls - before)
    assert calls == [1, 0, 1, 1]


@pytest.mark.parametrize("published", ["nonsense", "[]", "{}", '{"schema": 7}'])
async def test_a_description_that_cannot_be_read_opens_nothing(
    tcp_api: Client, store: redis.Redis, published: str
) -> None:
    location = (await tcp_api.post("/api/tasks", json=SUBMITTED)).headers["location"]
    store.hset("{test:0}:types", "login", published)
    tcp_api.app.state.runtime.secrets = KnownSecrets()
    payload = (await tcp_api.get(location)).json()["payload"]
    assert payload == (LOGIN if published == '{"schema": 7}' else MASK)


def test_no_route_may_show_a_task_unmasked() -> None:
    """Whoever writes a new route and forgets the mask is told, by every test of that route."""
    from api.wire import plain
    from shared.codec import read_task

    task = read_task("0" * 27, "P0 0 0\n1 5 default email 3\n{}")
    with pytest.raises(TypeError, match="KnownSecrets"):
        plain(task)

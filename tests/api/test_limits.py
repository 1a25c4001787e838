"""Limits over HTTP: set, read, lifted; submissions that a key answers."""

from __future__ import annotations

from typing import Any

import pytest

from shared.queue import TaskQueue
from tests.api.support import Client, is_problem
from tests.support.factories import registered

QUEUE = "/api/queues/mail/limits"


async def test_limits_of_a_queue_are_set_read_and_lifted(api: Client) -> None:
    wanted = {"concurrency": 3, "rate": {"limit": 10, "period_seconds": 1.0}, "per_key": {"concurrency": 2}}
    answer = await api.put(QUEUE, json=wanted)
    assert answer.status_code == 200
    rate = {"limit": 10, "period_seconds": 1.0, "burst": 1}
    expected = {
        "queue": "mail",
        "limit": {"concurrency": 3, "rate": rate},
        "per_key": {"concurrency": 2, "rate": None},
        "keys": [],
        "next_cursor": None,
    }
    assert answer.json() == expected
    assert (await api.get(QUEUE)).json() == expected
    [queue] = (await api.get("/api/queues")).json()["queues"]
    assert (queue["limit"], queue["key_limit"]) == (expected["limit"], expected["per_key"])
    lifted = (await api.put(QUEUE, json={})).json()
    assert (lifted["limit"], lifted["per_key"]) == (None, None)


async def test_a_key_has_its_own_limit(api: Client, engine: TaskQueue) -> None:
    state = await registered(engine, "mail", types=("email",))
    for _ in range(3):
        await api.submit(queue="mail", limit_key="a/b c")
    answer = await api.put(f"{QUEUE}/a%2Fb%20c", json={"concurrency": 1})
    assert answer.status_code == 200
    assert len((await engine.exchange(state, free=5)).claims) == 1
    seen = (await api.get(f"{QUEUE}/a%2Fb%20c")).json()
    assert seen == {
        "queue": "mail",
        "key": "a/b c",
        "limit": {"concurrency": 1, "rate": None},
        "running": 1,
        "parked": 2,
        "held_until": None,
    }
    assert (await api.get(QUEUE)).json()["keys"] == [seen]
    assert (await api.delete(f"{QUEUE}/a%2Fb%20c")).json()["limit"] is None
    assert len((await engine.exchange(state, free=4, holding=1)).claims) == 2


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"concurrency": 0}, "concurrency"),
        ({"concurrency": True}, "concurrency"),
        ({"concurrency": "3"}, "concurrency"),
        ({"concurrency": None}, "concurrency"),
        ({"rate": {"limit": 0}}, "rate.limit"),
        ({"rate": {"period_seconds": 1}}, "rate.limit"),
        ({"rate": {"limit": 1, "period_seconds": 0}}, "rate.period_seconds"),
        ({"per_key": {"concurrency": -1}}, "per_key.concurrency"),
        ({"max": 3}, "max"),
        ([], "body"),
    ],
)
async def test_what_is_no_limit_is_refused(api: Client, body: Any, field: str) -> None:
    assert is_problem(await api.put(QUEUE, json=body), 422, field)
    assert (await api.get("/api/queues")).json() == {"queues": []}


async def test_an_empty_limit_of_a_key_points_at_delete(api: Client) -> None:
    assert "DELETE" in (await api.put(f"{QUEUE}/a", json={})).json()["fix"]


async def test_a_dropped_submission_says_so(api: Client) -> None:
    fields = {"unique_key": "k", "throttle_seconds": 60}
    first = (await api.submit(**fields)).json()
    assert "deduplicated" not in first
    second = await api.submit(**fields)
    assert (second.status_code, second.json()) == (202, {**first, "deduplicated": "throttled"})


async def test_debounce_keeps_the_last(api: Client) -> None:
    fields = {"unique_key": "k", "debounce": {"seconds": 60}}
    first = (await api.submit(**fields)).json()
    second = (await api.submit(**fields, payload={"to": "grace@example.org"})).json()
    assert second == {**first, "deduplicated": "debounced"}
    stored = (await api.get(f"/api/tasks/{first['id']}")).json()
    assert stored["payload"] == {"to": "grace@example.org"}


async def test_keys_are_shown_with_the_task(api: Client) -> None:
    task = (await api.submit(limit_key="acme", fair_key="acme", metadata={"c": " c=x"})).json()
    stored = (await api.get(f"/api/tasks/{task['id']}")).json()
    assert (stored["limit_key"], stored["fair_key"]) == ("acme", "acme")

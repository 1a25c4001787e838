"""Dead letters: pages, groups, and a group requeued step by step."""

from __future__ import annotations

import re
from typing import Any

import pytest

from shared.queue import TaskQueue
from tests.api.support import Client, is_problem
from tests.api.test_operators import die


async def test_pages_show_dead_tasks_only(api: Client, engine: TaskQueue) -> None:
    dead = await die(api, engine, 3)
    await api.submit()
    seen: list[str] = []
    url: str | None = "/api/dead-letters?limit=2"
    while url:
        answer = await api.get(url)
        assert answer.status_code == 200
        assert {task["status"] for task in answer.json()["tasks"]} <= {"dead"}
        seen += [task["id"] for task in answer.json()["tasks"]]
        following = re.search(r'<([^>]*)>; rel="next"', answer.headers["link"])
        url = following[1] if following else None
    assert sorted(seen) == sorted(dead)
    assert (await api.get("/api/dead-letters?queue=other")).json()["tasks"] == []
    assert (await api.get("/api/dead-letters?task_type=other")).json()["tasks"] == []
    assert len((await api.get("/api/dead-letters?queue=default&task_type=email")).json()["tasks"]) == 3


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("?status=dead", "status"),
        ("?limit=0", "limit"),
        ("?limit=1001", "limit"),
        ("?cursor=x", "cursor"),
        ("?queue=a:b", "queue"),
        ("/groups?limit=101", "limit"),
        ("/groups?limit=0", "limit"),
        ("/groups?cursor=x", "cursor"),
    ],
)
async def test_a_wrong_query_is_named(tcp_api: Client, query: str, field: str) -> None:
    assert is_problem(await tcp_api.get(f"/api/dead-letters{query}"), 422, field)


async def test_groups_by_error(api: Client, engine: TaskQueue) -> None:
    assert (await api.get("/api/dead-letters/groups")).json() == {"groups": []}
    await die(api, engine, 3, "first")
    newest = await die(api, engine, 2, "second")
    groups = (await api.get("/api/dead-letters/groups")).json()["groups"]
    assert {group["fingerprint"]: group["count"] for group in groups} == {"first": 3, "second": 2}
    second = next(group for group in groups if group["fingerprint"] == "second")
    assert second["task"]["id"] in newest
    assert second["task"]["status"] == "dead"
    assert second["last_at"].endswith("Z")
    assert len((await api.get("/api/dead-letters/groups?limit=1")).json()["groups"]) == 1


async def test_a_group_is_requeued_step_by_step(api: Client, engine: TaskQueue) -> None:
    dead = await die(api, engine, 5, "first")
    [other] = await die(api, engine, 1, "second")
    path = "/api/dead-letters/groups/first/requeue"
    body: dict[str, Any] = {"limit": 2}
    steps = []
    while True:
        answer = await api.post(path, json=body)
        assert answer.status_code == 200
        steps.append(answer.json())
        if steps[-1]["next_cursor"] is None:
            break
        body["cursor"] = steps[-1]["next_cursor"]
    assert [step["requeued"] for step in steps] == [2, 2, 1]
    assert {step["skipped"] + step["missing"] for step in steps} == {0}
    for task_id in dead:
        assert (await api.get(f"/api/tasks/{task_id}")).json()["status"] == "pending"
    assert (await api.get(f"/api/tasks/{other}")).json()["status"] == "dead"


async def test_a_group_without_a_body_is_requeued_a_hundred_at_a_time(
    tcp_api: Client, engine: TaskQueue
) -> None:
    await die(tcp_api, engine, 60)
    await die(tcp_api, engine, 41)
    path = "/api/dead-letters/groups/abc/requeue"
    first = (await tcp_api.post(path)).json()
    assert first["requeued"] == 100
    assert first["next_cursor"]
    # Without the cursor, too: what was requeued has left the group.
    assert (await tcp_api.post(path)).json() == {
        "requeued": 1,
        "skipped": 0,
        "missing": 0,
        "next_cursor": None,
    }
    assert is_problem(await tcp_api.post(path), 404)


async def test_tasks_that_cannot_be_requeued_are_counted_and_passed(
    tcp_api: Client, engine: TaskQueue
) -> None:
    """A live task has the unique key of the dead one, so the dead one stays in its group."""
    await die(tcp_api, engine, unique_key="k")
    await tcp_api.submit(unique_key="k")
    answer = await tcp_api.post("/api/dead-letters/groups/abc/requeue")
    assert answer.json() == {"requeued": 0, "skipped": 1, "missing": 0, "next_cursor": None}


@pytest.mark.parametrize(
    ("fingerprint", "body", "status", "field"),
    [
        ("none", {}, 404, None),
        ("a:b", {}, 422, "fingerprint"),
        ("%ed%a0%80", {}, 422, "fingerprint"),
        ("%00", {}, 422, "fingerprint"),
        ("none", {"limit": 0}, 422, "limit"),
        ("none", {"limit": 101}, 422, "limit"),
        ("none", {"limit": "5"}, 422, "limit"),
        ("none", {"cursor": "x"}, 422, "cursor"),
        ("none", {"cursor": "0" * 27 + "\n"}, 422, "cursor"),
        ("none", {"cursor": None}, 422, "cursor"),
        ("none", {"pace": 20}, 422, "pace"),
    ],
)
async def test_a_group_that_cannot_be_requeued(
    tcp_api: Client, fingerprint: str, body: Any, status: int, field: str | None
) -> None:
    answer = await tcp_api.post(f"/api/dead-letters/groups/{fingerprint}/requeue", json=body)
    assert is_problem(answer, status, field)


async def test_the_price_of_a_step(tcp_api: Client, engine: TaskQueue) -> None:
    await die(tcp_api, engine, 100)
    answer = await tcp_api.post("/api/dead-letters/groups/abc/requeue")
    assert int(answer.headers["x-redis-calls"]) < 40

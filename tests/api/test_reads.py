"""GET of tasks, pages, overview, task types; cancel."""

from __future__ import annotations

import re

import pytest

from shared.queue import TaskQueue
from tests.api.support import MAIL, Client, is_problem
from tests.support.factories import ERROR, ending, registered
from tests.support.queues import NAMESPACE


@pytest.mark.parametrize(
    "task_id", ["0" * 27, "x", "0" * 26, "0" * 28, "0" * 26 + "U", "%00", "..%2f..", "%ed%a0%80", "ü" * 27]
)
async def test_an_id_that_nobody_has(tcp_api: Client, task_id: str) -> None:
    assert is_problem(await tcp_api.get(f"/api/tasks/{task_id}"), 404)
    assert is_problem(await tcp_api.post(f"/api/tasks/{task_id}/cancel"), 404)


async def test_pages_follow_each_other_and_show_each_task_once(api: Client) -> None:
    batch = {"tasks": [{**MAIL, "payload": {"n": n}} for n in range(7)]}
    ids = [task["id"] for task in (await api.post("/api/tasks/batch", json=batch)).json()["tasks"]]
    seen: list[str] = []
    url = "/api/tasks?status=pending&limit=3"
    for _ in range(5):
        answer = await api.get(url)
        assert answer.status_code == 200
        seen += [task["id"] for task in answer.json()["tasks"]]
        following = re.search(r'<([^>]*)>; rel="next"', answer.headers["link"])
        assert (following is None) == (answer.json()["next_cursor"] is None)
        assert '; rel="first"' in answer.headers["link"]
        if following is None:
            break
        url = following[1]
        assert "status=pending" in url
    assert sorted(seen) == sorted(ids)
    assert len(seen) == 7


async def test_filters(api: Client) -> None:
    for queue, kind, delay in (("a", "x", 0), ("a", "y", 0), ("b", "x", 60)):
        await api.submit(queue=queue, task_type=kind, delay_seconds=delay)

    async def found(query: str) -> list[tuple[str, str]]:
        tasks = (await api.get(f"/api/tasks?{query}")).json()["tasks"]
        return sorted((task["queue"], task["task_type"]) for task in tasks)

    assert await found("") == [("a", "x"), ("a", "y"), ("b", "x")]
    assert await found("queue=a") == [("a", "x"), ("a", "y")]
    assert await found("task_type=x") == [("a", "x"), ("b", "x")]
    assert await found("status=scheduled") == [("b", "x")]
    assert await found("status=pending&queue=a&task_type=y") == [("a", "y")]
    assert await found("status=waiting") == []
    assert await found("queue=&task_type=") == [("a", "x"), ("a", "y"), ("b", "x")]
    assert await found("status=pending&priority=5") == [("a", "x"), ("a", "y")]
    assert await found("status=pending&priority=6") == []
    assert await found("status=running&worker=nobody") == []
    assert await found("status=dead&fingerprint=none") == []
    assert await found("schedule=none") == []
    await api.submit(queue="a", task_type="z", unique_key="ä 1")
    assert await found("queue=a&key=%C3%A4%201") == [("a", "z")]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("status=done", "status"),
        ("status=", "status"),
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=ten", "limit"),
        ("limit=5.5", "limit"),
        ("limit=" + "9" * 5000, "limit"),
        ("limit=", "limit"),
        ("queue=a:b", "queue"),
        ("task_type=a%20b", "task_type"),
        ("queue=%ed%a0%80", "queue"),
        ("queue=%00", "queue"),
        ("cursor=x", "cursor"),
        ("cursor=%ed%a0%80", "cursor"),
        ("cursor=WzEsMiwzXQ", "cursor"),
        ("cursor=" + "A" * 2000, "cursor"),
        ("page=2", "page"),
        ("status=pending&priority=0", "priority"),
        ("priority=5", "priority"),
        ("status=pending&worker=w", "worker"),
        ("status=running&fingerprint=e", "fingerprint"),
        ("key=k", "key"),
        ("queue=q&schedule=s&key=k", "key"),
    ],
)
async def test_a_wrong_query_is_named(tcp_api: Client, query: str, field: str) -> None:
    assert is_problem(await tcp_api.get(f"/api/tasks?{query}"), 422, field)


async def test_cancel_of_a_task_that_waits(api: Client) -> None:
    answer = await api.submit()
    task_id = answer.json()["id"]
    cancelled = await api.post(f"/api/tasks/{task_id}/cancel")
    assert cancelled.status_code == 200
    assert cancelled.json() == {"id": task_id, "status": "cancelled"}
    again = await api.post(f"/api/tasks/{task_id}/cancel")
    assert again.json() == cancelled.json()


async def test_cancel_of_a_task_that_runs_and_of_one_that_ended(api: Client, engine: TaskQueue) -> None:
    state = await registered(engine, types=("email",))
    task_id = (await api.submit()).json()["id"]
    claims = (await engine.exchange(state, free=1)).claims
    asked = await api.post(f"/api/tasks/{task_id}/cancel")
    assert asked.json() == {"id": task_id, "status": "running"}
    await engine.exchange(state, [ending(claims[0])], free=0)
    assert is_problem(await api.post(f"/api/tasks/{task_id}/cancel"), 409)


async def test_the_error_of_a_task_is_read(tcp_api: Client, engine: TaskQueue) -> None:
    state = await registered(engine, types=("email",))
    task_id = (await tcp_api.submit(max_retries=0)).json()["id"]
    claims = (await engine.exchange(state, free=1)).claims
    await engine.exchange(state, [ending(claims[0], "f", ERROR)], free=0)
    task = (await tcp_api.get(f"/api/tasks/{task_id}")).json()
    assert task["status"] == "dead"
    assert task["error"] == {"type": "ValueError", "message": "boom", "traceback": None}


async def test_the_overview(api: Client, engine: TaskQueue) -> None:
    state = await registered(engine, types=("email",))
    await api.submit()
    await api.submit(delay_seconds=60, queue="late")
    view = (await api.get("/api/overview")).json()
    assert view["environment"] == NAMESPACE
    assert view["role"] == "admin"
    assert view["counts"] == {
        "scheduled": 1,
        "pending": 1,
        "running": 0,
        "retrying": 0,
        "completed": 0,
        "dead": 0,
        "cancelled": 0,
    }
    assert [queue["name"] for queue in view["queues"]] == ["default", "late"]
    assert [worker["name"] for worker in view["workers"]] == [state.name]
    assert view["workers"][0]["started_at"] == "2026-01-01T00:00:00.000Z"
    assert view["oldest_pending_seconds"] >= 0
    assert view["now"].endswith("Z")


async def test_ready(api: Client) -> None:
    answer = await api.get("/api/ready")
    assert answer.status_code == 200
    assert answer.headers["x-redis-calls"] == "1"


async def test_etags_of_every_polled_read(tcp_api: Client, engine: TaskQueue) -> None:
    await registered(engine, types=("email",))
    task_id = (await tcp_api.submit()).json()["id"]
    for path in ("/api/tasks", f"/api/tasks/{task_id}", "/api/overview", "/api/task-types"):
        first = await tcp_api.get(path)
        tag = first.headers["etag"]
        for condition in (tag, f'"other", {tag}', "*", tag.removeprefix("W/")):
            same = await tcp_api.get(path, headers={"If-None-Match": condition})
            assert same.status_code == 304, path
            assert same.content == b""
            assert same.headers["etag"] == tag
        other = await tcp_api.get(path, headers={"If-None-Match": '"other"'})
        assert other.status_code == 200
        assert other.headers["cache-control"] == "private, no-cache"


async def test_a_change_changes_the_etag(tcp_api: Client) -> None:
    task_id = (await tcp_api.submit()).json()["id"]
    paths = ("/api/tasks", f"/api/tasks/{task_id}", "/api/overview")
    before = [(await tcp_api.get(path)).headers["etag"] for path in paths]
    await tcp_api.post(f"/api/tasks/{task_id}/cancel")
    for path, tag in zip(paths, before, strict=True):
        assert (await tcp_api.get(path, headers={"If-None-Match": tag})).status_code == 200


async def test_prices(tcp_api: Client) -> None:
    first = await tcp_api.submit()
    second = await tcp_api.submit()
    assert 0 < int(second.headers["x-redis-calls"]) < int(first.headers["x-redis-calls"])
    assert (await tcp_api.get(first.headers["location"])).headers["x-redis-calls"] == "1"
    assert (await tcp_api.get("/api/health")).headers["x-redis-calls"] == "0"


async def test_a_page_of_a_time_range(api: Client) -> None:
    created = [
        (await api.get(answer.headers["location"])).json()["created_at"]
        for answer in [await api.submit() for _ in range(2)]
    ]

    async def found(query: str) -> int:
        answer = await api.get(f"/api/tasks?{query}")
        assert answer.status_code == 200, answer.text
        return len(answer.json()["tasks"])

    assert await found(f"created_after={created[0]}") == 2
    assert await found(f"created_before={created[0]}") == 0
    assert await found("created_after=2020-01-01T00:00:00Z&created_before=2020-01-02T00:00:00Z") == 0
    assert await found("created_after=2020-01-01T00:00:00+02:00") == 2  # the plus sign arrives as a blank
    assert await found("created_after=2020-01-01T00:00:00%2B0200&created_before=") == 2
    assert await found("created_after=2030-01-01T00:00:00Z&created_before=2020-01-01T00:00:00Z") == 0


@pytest.mark.parametrize(
    "value", ["yesterday", "2020-01-01", "2020-01-01T00:00:00", "1577836800", "9999-12-31T00:00:00Z"]
)
@pytest.mark.parametrize("name", ["created_after", "created_before"])
async def test_a_time_without_a_zone_is_none(tcp_api: Client, name: str, value: str) -> None:
    assert is_problem(await tcp_api.get(f"/api/tasks?{name}={value}"), 422, name)
    assert is_problem(await tcp_api.get(f"/api/dead-letters?{name}={value}"), 422, name)


async def test_a_cursor_with_other_filters_is_named(api: Client) -> None:
    await api.post("/api/tasks/batch", json={"tasks": [MAIL] * 3})
    cursor = (await api.get("/api/tasks?limit=1&status=pending")).json()["next_cursor"]
    answer = await api.get(f"/api/tasks?limit=1&cursor={cursor}")
    assert is_problem(answer, 400, "cursor")
    assert answer.json()["type"] == "/api/problems/cursor-mismatch"
    assert answer.json()["rule"] == "was made for another status."
    assert is_problem(await api.get(f"/api/dead-letters?cursor={cursor}"), 400, "cursor")

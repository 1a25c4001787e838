"""Recurring schedules: stored, read, held, run, previewed."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
import redis

from api.app import create_app
from api.known_types import KnownTypes
from api.settings import ApiSettings
from shared.queue import TaskQueue
from tests.api.conftest import AppFactory
from tests.api.support import DAILY, MAIL, Client, Refusing, is_problem
from tests.api.test_security import API_KEYS, KEYS
from tests.api.test_task_types import publish

PATH = "/api/schedules/daily"
EVERY_MINUTE = {"interval_seconds": 60, "task": MAIL}


async def test_a_schedule_is_created_read_changed_and_deleted(api: Client) -> None:
    assert (await api.get("/api/schedules")).json() == {"schedules": []}
    created = await api.put(PATH, json=DAILY)
    assert (created.status_code, created.headers["location"]) == (201, PATH)
    schedule = created.json()
    assert (schedule["id"], schedule["paused"], schedule["last_task_id"]) == ("daily", None, None)
    assert (schedule["spec"]["cron"], schedule["spec"]["zone"]) == ("0 9 * * *", "Europe/Berlin")
    assert (schedule["spec"]["task"]["payload"], schedule["spec"]["overlap"]) == (MAIL["payload"], "allow")
    preview = await api.post("/api/schedules/preview", json={"cron": DAILY["cron"], "zone": DAILY["zone"]})
    assert schedule["next_at"] == preview.json()["next"][0]
    read = await api.get(PATH)
    assert read.json() == schedule
    for path in (PATH, "/api/schedules"):
        tag = (await api.get(path)).headers["etag"]
        assert (await api.get(path, headers={"If-None-Match": tag})).status_code == 304
    changed = await api.put(PATH, json={**EVERY_MINUTE, "overlap": "skip", "catch_up": "once"})
    assert changed.status_code == 200
    assert "location" not in changed.headers
    assert (changed.json()["spec"]["cron"], changed.json()["spec"]["overlap"]) == (None, "skip")
    assert (await api.get("/api/schedules")).json() == {"schedules": [changed.json()]}
    gone = await api.delete(PATH)
    assert (gone.status_code, gone.content) == (204, b"")
    assert is_problem(await api.delete(PATH), 404)
    assert is_problem(await api.get(PATH), 404)


async def test_what_is_read_can_be_sent_again(tcp_api: Client) -> None:
    payload = {"n": 2**70, "deep": [{"a": None}], "text": "\U0001f600\x00", "pi": 3.5}
    retry = {"initial_seconds": 1, "factor": 2, "max_seconds": 60, "jitter": "none"}
    task = {**MAIL, "payload": payload, "retry": retry, "metadata": {"order": 17}}
    first = (await tcp_api.put(PATH, json={**DAILY, "task": task})).json()
    assert first["spec"]["task"]["payload"] == payload
    again = await tcp_api.put(PATH, json=first["spec"])
    assert (again.status_code, again.json()) == (200, first)


async def test_a_schedule_is_paused_and_resumed(api: Client) -> None:
    await api.put(PATH, json=EVERY_MINUTE)
    paused = await api.post(f"{PATH}/pause", json={"reason": "moving"})
    assert (paused.status_code, paused.json()["paused"]) == (200, "moving")
    assert (await api.get(PATH)).json() == paused.json()
    for _ in range(2):
        resumed = await api.post(f"{PATH}/resume")
        assert (resumed.status_code, resumed.json()["paused"]) == (200, None)
    ahead = datetime.fromisoformat(resumed.json()["next_at"]) - datetime.now(UTC)
    assert timedelta(0) <= ahead + timedelta(seconds=5) <= timedelta(seconds=70)
    await api.post(f"{PATH}/pause")
    assert (await api.put(PATH, json=EVERY_MINUTE)).json()["paused"] == "paused by local"


async def test_its_task_is_run_once_more(api: Client) -> None:
    before = (await api.put(PATH, json=DAILY)).json()
    await api.post(f"{PATH}/pause", json={})
    answer = await api.post(f"{PATH}/run")
    task_id = answer.json()["id"]
    assert (answer.status_code, answer.json()) == (202, {"id": task_id})
    task = (await api.get(answer.headers["location"])).json()
    assert (task["id"], task["status"], task["payload"]) == (task_id, "pending", MAIL["payload"])
    schedule = (await api.get(PATH)).json()
    assert (schedule["last_task_id"], schedule["next_at"]) == (task_id, before["next_at"])
    assert (await api.post(f"{PATH}/run")).json()["id"] != task_id


async def test_who_paused_is_the_name_of_the_key(make_app: AppFactory) -> None:
    async with Client(make_app(api_keys=API_KEYS), key=KEYS["admin"]) as api:
        await api.put(PATH, json=DAILY)
        assert (await api.post(f"{PATH}/pause")).json()["paused"] == "paused by adminer"
    async with Client(make_app()) as api:
        assert (await api.post(f"{PATH}/pause")).json()["paused"] == "paused by local"


async def test_the_task_is_judged_as_a_submission_is(tcp_api: Client, engine: TaskQueue) -> None:
    await publish(engine)
    tcp_api.app.state.runtime.types = KnownTypes()
    for task, field in (
        ({"task_type": "email", "payload": {"to": 5}}, "task.payload.to"),
        ({"task_type": "asleep", "payload": {}}, "task.task_type"),
    ):
        assert is_problem(await tcp_api.put(PATH, json={**DAILY, "task": task}), 422, field)
    assert (await tcp_api.get("/api/schedules")).json() == {"schedules": []}


async def test_defaults_of_the_type_are_stored_with_it(tcp_api: Client, engine: TaskQueue) -> None:
    await publish(engine)
    tcp_api.app.state.runtime.types = KnownTypes()
    stored = (await tcp_api.put(PATH, json=DAILY)).json()["spec"]["task"]
    assert (stored["queue"], stored["max_retries"]) == ("mail", 7)
    task_id = (await tcp_api.post(f"{PATH}/run")).json()["id"]
    task = (await tcp_api.get(f"/api/tasks/{task_id}")).json()
    assert (task["queue"], task["max_retries"]) == ("mail", 7)
    own = {**DAILY, "task": {**MAIL, "queue": "own", "max_retries": 0}}
    stored = (await tcp_api.put(PATH, json=own)).json()["spec"]["task"]
    assert (stored["queue"], stored["max_retries"]) == ("own", 0)


async def test_a_payload_over_its_limit(make_app: AppFactory, engine: TaskQueue) -> None:
    big = {**DAILY, "task": {"task_type": "email", "payload": {"to": "x" * 1000}}}
    async with Client(make_app(max_payload_bytes=1000)) as api:
        assert is_problem(await api.put(PATH, json=big), 413, "task.payload")
        await publish(engine)
        api.app.state.runtime.types = KnownTypes()
        assert is_problem(await api.put(PATH, json=big), 413, "task.payload")


def _with(**fields: Any) -> dict[str, Any]:
    return {**DAILY, "task": {**MAIL, **fields}}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ([], "body"),
        (None, "body"),
        ({}, "task"),
        ({"task": MAIL}, "cron"),
        ({**DAILY, "interval_seconds": 60}, "cron"),
        ({**DAILY, "cron": "0 0 30 2 *"}, "cron"),
        ({**DAILY, "cron": "daily"}, "cron"),
        ({**DAILY, "cron": ""}, "cron"),
        ({**DAILY, "cron": "²  * * * *"}, "cron"),
        ({**DAILY, "cron": "*" * 201}, "cron"),
        ({**DAILY, "cron": 5}, "cron"),
        ({**DAILY, "zone": "Mars/Olympus"}, "zone"),
        ({**DAILY, "zone": "../../etc/passwd"}, "zone"),
        ({**DAILY, "zone": "\x00"}, "zone"),
        ({**DAILY, "zone": ""}, "zone"),
        ({**DAILY, "zone": None}, "zone"),
        ({**EVERY_MINUTE, "interval_seconds": 0.5}, "interval_seconds"),
        ({**EVERY_MINUTE, "interval_seconds": "60"}, "interval_seconds"),
        ({**EVERY_MINUTE, "interval_seconds": True}, "interval_seconds"),
        ({**EVERY_MINUTE, "interval_seconds": 10**10}, "interval_seconds"),
        ({**DAILY, "overlap": "never"}, "overlap"),
        ({**DAILY, "catch_up": 1}, "catch_up"),
        ({**DAILY, "paused": True}, "paused"),
        ({**DAILY, "x" * 500: 1}, "x" * 80),
        ({**DAILY, "task": None}, "task"),
        ({**DAILY, "task": []}, "task"),
        ({**DAILY, "task": {}}, "task.task_type"),
        (_with(priority="5"), "task.priority"),
        (_with(priority=11), "task.priority"),
        (_with(colour="red"), "task.colour"),
        (_with(fair_key=""), "task.fair_key"),
        (_with(delay_seconds=5), "task.delay_seconds"),
        (_with(run_at="2100-01-01T00:00:00Z"), "task.run_at"),
        (_with(idempotency_key="k"), "task.idempotency_key"),
        (_with(unique_key="k"), "task.unique_key"),
        (_with(expires_at="2100-01-01T00:00:00Z"), "task.expires_at"),
    ],
)
async def test_a_schedule_that_breaks_a_rule(body: Any, field: str) -> None:
    """Each is refused before Redis is asked."""
    app = create_app(ApiSettings(redis_url="redis://127.0.0.1:1"), transport=Refusing())
    async with Client(app) as api:
        answer = await api.send_put(PATH, json.dumps(body))
    assert is_problem(answer, 422, field)


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ('{"cron": "* * * * *", "cron": "1 * * * *", "task": {}}', "cron"),
        ('{"cron": "* * * * *", "task": {"task_type": "a", "payload": {"b": 1, "b": 2}}}', "task.payload.b"),
        ('{"interval_seconds": 1e999, "task": {"task_type": "a", "payload": {}}}', "interval_seconds"),
        ('{"cron": "\\ud800", "task": {"task_type": "a", "payload": {}}}', "cron"),
        ('{"cron": "* * * * *", "task": {"task_type": "a", "payload": {"a": 1e999}}}', "task.payload"),
        (
            '{"cron": "* * * * *", "task": {"task_type": "a", "payload": {}, "metadata": {"a": 1e999}}}',
            "task.metadata",
        ),
    ],
)
async def test_json_that_is_refused(tcp_api: Client, text: str, field: str) -> None:
    assert is_problem(await tcp_api.send_put(PATH, text), 422, field)
    assert (await tcp_api.get("/api/schedules")).json() == {"schedules": []}


@pytest.mark.parametrize(
    ("route", "body", "field"),
    [
        ("pause", {"reason": 5}, "reason"),
        ("pause", {"reason": None}, "reason"),
        ("pause", {"reason": "x" * 501}, "reason"),
        ("pause", {"until": "tomorrow"}, "until"),
        ("resume", {"reason": "x"}, "reason"),
        ("run", {"delay_seconds": 5}, "delay_seconds"),
        ("run", [], "body"),
    ],
)
async def test_a_body_that_breaks_a_rule(tcp_api: Client, route: str, body: Any, field: str) -> None:
    assert is_problem(await tcp_api.post(f"{PATH}/{route}", json=body), 422, field)


@pytest.mark.parametrize("name", ["nobody", "a:b", "daily:n", "%00", "%ed%a0%80", "x" * 5000, "ü"])
async def test_an_id_that_nobody_has(tcp_api: Client, store: redis.Redis, name: str) -> None:
    """What is stored beside a schedule is no schedule."""
    stored = (await tcp_api.put(PATH, json=DAILY)).json()
    path = f"/api/schedules/{name}"
    for method, asked in (
        ("GET", path),
        ("DELETE", path),
        ("POST", f"{path}/pause"),
        ("POST", f"{path}/resume"),
        ("POST", f"{path}/run"),
    ):
        assert is_problem(await tcp_api.request(method, asked), 404)
    if name != "nobody":
        assert is_problem(await tcp_api.put(path, json=DAILY), 422, "id")
    assert (await tcp_api.get("/api/schedules")).json() == {"schedules": [stored]}


async def test_a_timing_is_previewed_without_redis() -> None:
    app = create_app(ApiSettings(redis_url="redis://127.0.0.1:1"), transport=Refusing())
    async with Client(app) as api:
        answer = await api.post("/api/schedules/preview", json={"interval_seconds": 60, "count": 20})
        assert (answer.status_code, answer.headers["x-redis-calls"]) == (200, "0")
        times = [datetime.fromisoformat(text) for text in answer.json()["next"]]
        assert len(times) == 20
        assert {b - a for a, b in pairwise(times)} == {timedelta(seconds=60)}
        assert timedelta(0) < times[0] - datetime.now(UTC) + timedelta(seconds=5) < timedelta(seconds=66)
        noon = await api.post("/api/schedules/preview", json={"cron": "0 12 * * *", "zone": "Asia/Tokyo"})
        assert [text[10:] for text in noon.json()["next"]] == ["T03:00:00.000Z"] * 5
        leap = await api.post("/api/schedules/preview", json={"cron": "0 0 29 2 *", "count": 3})
        assert all("-02-29T" in text for text in leap.json()["next"])


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "cron"),
        ({"cron": "* * * * *", "interval_seconds": 5}, "cron"),
        ({"cron": "0 0 31 2 *"}, "cron"),
        ({"cron": None}, "cron"),
        ({"cron": "* * * * *", "zone": "Nowhere"}, "zone"),
        ({"interval_seconds": 0}, "interval_seconds"),
        ({"interval_seconds": 60, "count": 0}, "count"),
        ({"interval_seconds": 60, "count": 301}, "count"),
        ({"interval_seconds": 60, "count": True}, "count"),
        ({"interval_seconds": 60, "task": {}}, "task"),
    ],
)
async def test_a_preview_that_breaks_a_rule(tcp_api: Client, body: Any, field: str) -> None:
    assert is_problem(await tcp_api.post("/api/schedules/preview", json=body), 422, field)


async def test_a_page_of_a_configured_origin_may_put(make_app: AppFactory) -> None:
    origin = "https://app.example.org"
    async with Client(make_app(api_keys=API_KEYS, cors_origins=origin)) as api:
        asked = {"Origin": origin, "Access-Control-Request-Method": "PUT"}
        assert (await api.options(PATH, headers=asked)).status_code == 200

"""A secret is planted wherever a client may put one; then everything that anybody can read is searched for it.

A real worker runs handlers that do their worst with it. With PAYLOAD_KEY, Redis itself is searched as well.
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import redis
from fastapi import FastAPI

from api.app import create_app
from api.settings import ApiSettings
from tests.api.support import Client
from tests.api.test_security import API_KEYS, KEYS
from tests.conformance.test_sealed import stored_text
from tests.support.queues import NAMESPACE
from tests.support.server import Server, free_port
from tests.support.waiting import wait_until
from tests.support.workers import WorkerProcess

#: Long enough to be abbreviated, with what has to be quoted; none of its pieces stands anywhere else.
SECRET = "Zq7-plänted\"'\\s3cret+value/of&fifty=characters%and more…Xw9"
PIECES = ["Zq7-pl", "s3cret+value", "of&fifty", "and more", "Xw9"]
PAYLOAD_KEY = f"k1:{base64.b64encode(bytes(range(32))).decode()}"
HOWS = ["ok", "raise", "chain", "reject", "validate"]
TYPES = ["login", "login.process", "login.thread"]


def login(how: str = "ok", secret: str = SECRET) -> dict[str, Any]:
    return {
        "password": secret,
        "accounts": [{"name": "a", "token": secret}],
        "by_name": {"x": secret},
        "how": how,
    }


@pytest.fixture(params=["plain", "sealed"])
def payload_key(request: pytest.FixtureRequest) -> str | None:
    return PAYLOAD_KEY if request.param == "sealed" else None


@pytest.fixture
async def app(store: redis.Redis, server: Server, payload_key: str | None) -> AsyncIterator[FastAPI]:
    settings = {"dtq_namespace": NAMESPACE, "redis_url": server.url, "api_keys": API_KEYS}
    made = create_app(ApiSettings(**settings, payload_key=payload_key, max_payload_bytes=30_000))
    yield made
    await made.state.runtime.close()


class Found:
    """Everything that was read, by where it came from."""

    def __init__(self) -> None:
        self.texts: list[tuple[str, str]] = []

    def add(self, where: str, text: str) -> None:
        self.texts.append((where, text))

    def answer(self, answer: httpx.Response) -> httpx.Response:
        where = f"{answer.request.method} {answer.request.url.path} {answer.status_code}"
        self.add(where, answer.text + json.dumps(answer.headers.multi_items()))
        return answer

    def leaks(self) -> list[str]:
        """Where a piece of the secret stands; JSON is searched as its texts, too."""
        forms = {form for piece in PIECES for form in (piece, json.dumps(piece)[1:-1])}
        return [
            f"{where}: …{text[max(0, text.find(form) - 80) : text.find(form) + 60]}…"
            for where, text in self.texts
            for form in forms
            if form in text
        ]


async def test_it_is_found_nowhere(
    app: FastAPI,
    server: Server,
    store: redis.Redis,
    payload_key: str | None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    port = free_port()
    environment = {"PAYLOAD_KEY": payload_key} if payload_key else {}
    worker = WorkerProcess(
        server.url,
        handlers="tests.support.secret_handlers",
        DTQ_NAMESPACE=NAMESPACE,
        HEALTH_PORT=str(port),
        LOG_LEVEL="debug",
        **environment,
    )
    found = Found()
    try:
        await worker.ready()
        async with Client(app, key=KEYS["admin"]) as ops, Client(app, key=KEYS["read"]) as reader:
            ids = await _submit_everything(ops, found)
            await wait_until(lambda: _have_ended(ops, ids), describe="all tasks have ended", timeout_s=60)
            assert worker.lines.count("attempt failed") + worker.lines.count("task rejected") >= 12
            for client in (ops, reader):
                await _read_everything(client, app, ids, found)
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as probes:
            for path in ("/metrics", "/health", "/ready"):
                found.answer(await probes.get(path))
    finally:
        lines = worker.lines
        worker.stop()
    found.add("log of the worker", lines)
    found.add("log of the API", caplog.text)
    for key in ("events", "audit", "wakes"):
        found.add(f"stream {key}", str(store.xrange(f"{{{NAMESPACE}:0}}:{key}")))
    if payload_key:
        found.add("Redis", stored_text(store))
    leaks = found.leaks()
    assert not leaks, "\n".join(leaks[:20])
    assert len(found.texts) > 60
    # The search itself finds what is there.
    found.add("an admin who asks for it", await _reveal(app, ids[0]))
    assert found.leaks()


async def _submit_everything(ops: Client, found: Found) -> list[str]:
    ids = []
    for task_type in TYPES:
        for how in HOWS:
            body = {"task_type": task_type, "payload": login(how)}
            answer = found.answer(await ops.post("/api/tasks", json=body))
            assert answer.status_code == 202, answer.text
            ids.append(answer.json()["id"])
        refused = {"task_type": task_type, "payload": login(secret=f"refused {SECRET}")}
        ids.append(found.answer(await ops.post("/api/tasks", json=refused)).json()["id"])
    waits = {"task_type": "login", "payload": login(), "delay_seconds": 3600, "idempotency_key": "k"}
    location = found.answer(await ops.post("/api/tasks", json=waits)).headers["location"]
    conflict = {**waits, "payload": login("raise")}
    assert found.answer(await ops.post("/api/tasks", json=conflict)).status_code == 409
    assert found.answer(await ops.patch(location, json={"payload": login("raise")})).status_code == 200
    for payload in (
        {"password": {"x": SECRET}},
        {"password": [SECRET]},
        {**login(), "unknown": SECRET},
        {**login(), "how": {"x": SECRET}},
        {**login(), "fill": SECRET * 1000},
    ):
        body = {"task_type": "login", "payload": payload}
        assert found.answer(await ops.post("/api/tasks", json=body)).status_code in (413, 422)
        assert found.answer(await ops.patch(location, json={"payload": payload})).status_code in (413, 422)
        batch = {"tasks": [{"task_type": "login", "payload": login()}, body]}
        assert found.answer(await ops.post("/api/tasks/batch", json=batch)).status_code in (413, 422)
    for text in (f'{{"payload": "{"x" * 9}', json.dumps({"task_type": "login", "payload": SECRET})):
        assert found.answer(await ops.send_text(text)).status_code in (400, 422)
    schedule = {"interval_seconds": 86_400, "task": {"task_type": "login", "payload": login()}}
    assert found.answer(await ops.put("/api/schedules/daily", json=schedule)).status_code == 201
    for action in ("pause", "resume", "run"):
        assert found.answer(await ops.post(f"/api/schedules/daily/{action}", json={})).is_success
    return ids


async def _have_ended(ops: Client, ids: list[str]) -> bool:
    answers = await asyncio.gather(*(ops.get(f"/api/tasks/{task_id}") for task_id in ids))
    return all(answer.json()["status"] in ("completed", "dead") for answer in answers)


async def _read_everything(client: Client, app: FastAPI, ids: list[str], found: Found) -> None:
    """Every route that answers GET, for every task, and the paths that are in no document."""
    for path, operations in app.openapi()["paths"].items():
        if "get" not in operations or path == "/api/events":  # which never ends; the poll tells the same
            continue
        for task_id in ids if "{task_id}" in path else [""]:
            asked = (
                path.replace("{task_id}", task_id).replace("{schedule_id}", "daily").replace("{name}", "none")
            )
            found.answer(await client.get(asked))
    for path in ("/api/tasks?status=dead", "/api/tasks?status=completed", "/docs", "/openapi.json"):
        assert found.answer(await client.get(path)).status_code == 200


async def _reveal(app: FastAPI, task_id: str) -> str:
    async with Client(app, key=KEYS["admin"]) as ops:
        return (await ops.get(f"/api/tasks/{task_id}?reveal=true")).text

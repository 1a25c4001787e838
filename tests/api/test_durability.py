"""DURABILITY=strict over HTTP, in front of a server that keeps nothing on disk."""

from __future__ import annotations

from tests.api.conftest import AppFactory
from tests.api.support import MAIL, Client, is_problem


async def test_a_submission_that_no_disk_confirms_is_answered_503(make_app: AppFactory) -> None:
    async with Client(make_app(durability="strict")) as client:
        for path, body in (("/api/tasks", MAIL), ("/api/tasks/batch", {"tasks": [MAIL]})):
            answer = await client.post(path, json=body)
            assert is_problem(answer, 503)
            assert answer.json()["type"] == "/api/problems/not-durable"
            assert "same idempotency key" in answer.json()["detail"]
            assert answer.headers["retry-after"] == "2"
        assert (await client.get("/api/overview")).json()["counts"]["pending"] == 2


async def test_what_the_setting_may_be(make_app: AppFactory, monkeypatch) -> None:
    from api.app import create_app

    monkeypatch.setenv("DURABILITY", "sometimes")
    async with Client(create_app()) as client:
        assert is_problem(await client.get("/api/overview"), 503, "DURABILITY")

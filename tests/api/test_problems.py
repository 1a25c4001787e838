"""Errors of every kind are problem documents, and every answer is dressed."""

from __future__ import annotations

import logging

import pytest
from fastapi import FastAPI

from api.app import create_app
from api.settings import ApiSettings
from tests.api.support import Client, ask_raw, is_problem


@pytest.mark.parametrize(
    "path", ["/", "/api", "/api/", "/api/nothing", "/api/tasks/", "/nothing", "/api/../etc"]
)
async def test_unknown_routes(tcp_api: Client, path: str) -> None:
    assert is_problem(await tcp_api.get(path), 404)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/api/tasks", "GET, POST"),
        ("DELETE", "/api/health", "GET, HEAD"),
        ("POST", "/api/overview", "GET"),
        ("GET", f"/api/tasks/{'0' * 27}/cancel", "POST"),
        ("BREW", "/api/tasks", "GET, POST"),
        ("OPTIONS", "/api/tasks", "GET, POST"),
    ],
)
async def test_wrong_methods(tcp_api: Client, method: str, path: str, allowed: str) -> None:
    answer = await tcp_api.request(method, path)
    assert is_problem(answer, 405)
    assert answer.headers["allow"] == allowed


@pytest.mark.parametrize("path", ["/api/health", "/api/overview", "/api/nothing", "/docs", "/openapi.json"])
async def test_every_answer_is_dressed(tcp_api: Client, path: str) -> None:
    answer = await tcp_api.get(path)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["x-request-id"]
    assert answer.headers["x-redis-calls"].isdigit()
    assert answer.headers["cache-control"]


async def test_refusals_are_dressed_too(tcp_api: Client) -> None:
    answer = await tcp_api.get("/api/overview", headers={"Host": "example.org"})
    assert is_problem(answer, 403)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-redis-calls"] == "0"


async def test_a_sane_request_id_is_kept(tcp_api: Client) -> None:
    answer = await tcp_api.get("/api/nothing", headers={"X-Request-ID": "abc-1.2_3"})
    assert answer.headers["x-request-id"] == "abc-1.2_3"
    assert answer.json()["request_id"] == "abc-1.2_3"


@pytest.mark.parametrize("value", [b"", b" ", b"a b", b"\xff", b"x" * 129, b"a\r\nb", b'"', b"<script>"])
async def test_any_other_request_id_is_replaced(tcp_api: Client, value: bytes) -> None:
    answer = await ask_raw(tcp_api.app, "GET", "/api/health", headers=[(b"x-request-id", value)])
    assert len(answer.headers[b"x-request-id"]) == 24


def _app_with_a_defect() -> FastAPI:
    app = create_app(ApiSettings(redis_url="redis://127.0.0.1:1"))

    @app.get("/api/defect")
    async def defect() -> None:
        raise RuntimeError("the secret of the house")

    return app


async def test_a_defect_of_ours_is_logged_and_not_shown(caplog: pytest.LogCaptureFixture) -> None:
    async with Client(_app_with_a_defect()) as client:
        with caplog.at_level(logging.ERROR, "api"):
            answer = await client.get("/api/defect", headers={"X-Request-ID": "look-here"})
    assert is_problem(answer, 500)
    assert "secret" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "look-here" in caplog.text
    assert "the secret of the house" in caplog.text


async def test_the_docs_page_has_its_own_policy(tcp_api: Client) -> None:
    import base64
    import hashlib
    import re

    for path in ("/docs", "/api/docs"):
        page = await tcp_api.get(path)
        assert page.headers["content-type"].startswith("text/html")
        script = re.search(r"<script>(.*?)</script>", page.text, re.DOTALL)
        assert script is not None
        digest = base64.b64encode(hashlib.sha256(script[1].encode()).digest()).decode()
        assert f"'sha256-{digest}'" in page.headers["content-security-policy"]

"""Errors of every kind are problem documents, and every answer is dressed."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
from fastapi import FastAPI

from api.app import create_app
from api.problem_types import problem_types
from api.settings import ApiSettings
from shared.errors import DtqError
from tests.api.support import Client, ask_raw, is_problem
from tests.support.server import free_port


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


def _slugs_of_code() -> set[str]:
    """Every slug that an error class has, those aside that no answer carries."""
    level, found = [DtqError], set()
    while level:
        found |= {error.slug for error in level}
        level = [child for parent in level for child in parent.__subclasses__()]
    return found - {"error", "settings", "lease-lost", "store"}


async def test_every_type_has_a_page(tcp_api: Client) -> None:
    listed = (await tcp_api.get("/api/problems")).json()["problems"]
    assert {one["slug"] for one in listed} == _slugs_of_code() | {"internal-error", "method-not-allowed"}
    for one in listed:
        assert one["type"] == f"/api/problems/{one['slug']}"
        assert one["meaning"].endswith(".")
        assert "Raised" not in one["meaning"]
        page = await tcp_api.get(one["type"])
        assert page.status_code == 200
        assert page.headers["content-type"].startswith("text/html")
        assert f"<h1>{one['title']}</h1>" in page.text
    assert is_problem(await tcp_api.get("/api/problems/none"), 404)


async def test_the_type_of_an_error_leads_to_its_page(tcp_api: Client) -> None:
    refused = (await tcp_api.get("/api/tasks?limit=0")).json()
    assert refused["type"] == "/api/problems/invalid-input"
    assert "Status 422" in (await tcp_api.get(refused["type"])).text


def test_the_document_lists_every_type() -> None:
    text = (Path(__file__).parents[2] / "docs" / "API.md").read_text()
    missing = [slug for slug in problem_types() if f"`{slug}`" not in text]
    assert not missing


async def test_errors_name_their_price_too(api: Client) -> None:
    """A refusal by a script, by an unknown id, and by Redis itself."""
    cancelled = await api.post(f"/api/tasks/{'0' * 27}/cancel")
    assert is_problem(cancelled, 404)
    assert cancelled.headers["x-redis-calls"] == "3"  # EVALSHA, TIME, GET
    assert (await api.get(f"/api/tasks/{'0' * 27}")).headers["x-redis-calls"] == "1"
    assert (await api.get("/api/nothing")).headers["x-redis-calls"] == "0"
    keyed = {"idempotency_key": "k"}
    assert (await api.submit(**keyed)).status_code == 202
    conflict = await api.submit(**keyed, priority=9)
    assert is_problem(conflict, 409)
    # EVALSHA, TIME, HMGET for a free worker, MSETNX, MGET; types come from the cache.
    assert conflict.headers["x-redis-calls"] == "5"


async def test_a_failed_call_is_counted() -> None:
    app = create_app(ApiSettings(redis_url=f"redis://127.0.0.1:{free_port()}"))
    async with Client(app) as client:
        answer = await client.post(f"/api/tasks/{'0' * 27}/cancel")
    assert is_problem(answer, 503)
    assert answer.headers["x-redis-calls"] == "1"


async def test_big_answers_are_compressed(tcp_api: Client) -> None:
    plain = await tcp_api.get("/api/openapi.json", headers={"Accept-Encoding": "identity"})
    packed = await tcp_api.get("/api/openapi.json", headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.headers["vary"] == "Accept-Encoding"
    assert packed.json() == plain.json()
    small = await tcp_api.get("/api/health", headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in small.headers


def _lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


async def test_one_line_per_request(tcp_api: Client, capsys: pytest.CaptureFixture[str]) -> None:
    await tcp_api.submit()  # the types are read
    capsys.readouterr()
    answer = await tcp_api.submit(payload={"password": "geheim-1"}, metadata={"m": "geheim-2"})
    [line] = _lines(capsys)
    task_id = answer.json()["id"]
    assert line["method"] == "POST"
    assert line["route"] == "/api/tasks"
    assert line["status"] == 202
    assert line["task_id"] == task_id
    assert line["request_id"] == answer.headers["x-request-id"]
    assert str(line["redis_calls"]) == answer.headers["x-redis-calls"]
    assert line["duration_ms"] > 0
    await tcp_api.get(f"/api/tasks/{task_id}?x=geheim-3", headers={"Authorization": "Bearer geheim-4"})
    [line] = _lines(capsys)
    assert (line["route"], line["task_id"]) == ("/api/tasks/{task_id}", task_id)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/geheim"),
        ("GET", "/api/tasks/geheim"),
        ("GET", "/api/tasks?cursor=geheim"),
        ("POST", "/api/queues/geheim/pause"),
        ("GEHEIM", "/api/tasks"),
    ],
)
async def test_a_line_repeats_nothing_that_was_sent(
    tcp_api: Client, capsys: pytest.CaptureFixture[str], method: str, path: str
) -> None:
    answer = await tcp_api.request(
        method,
        path,
        headers={"Authorization": "Bearer geheim", "X-Trace": "geheim"},
        json={"reason": "geheim"},
    )
    [line] = _lines(capsys)
    assert line["status"] == answer.status_code
    assert "geheim" not in json.dumps(line).lower()


async def test_lines_can_be_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    async with Client(create_app(ApiSettings(redis_url="redis://127.0.0.1:1", log_requests=False))) as client:
        assert (await client.get("/api/health")).status_code == 200
    assert capsys.readouterr().out == ""


async def test_a_defect_has_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    async with Client(_app_with_a_defect()) as client:
        await client.get("/api/defect")
    [line] = _lines(capsys)
    assert (line["route"], line["status"]) == ("/api/defect", 500)

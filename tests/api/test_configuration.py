"""Settings that are missing or wrong are told by the answers, and never end the process."""

from __future__ import annotations

import pytest
from fastapi import FastAPI

from api.app import create_app
from tests.api.support import Client, is_problem

REST = {"UPSTASH_REDIS_REST_URL": "https://eu1-name.upstash.io", "UPSTASH_REDIS_REST_TOKEN": "AX"}


def _app(monkeypatch: pytest.MonkeyPatch, **variables: str) -> FastAPI:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return create_app()


async def _assert_503(app: FastAPI, *names: str) -> None:
    async with Client(app) as client:
        for method, path in (
            ("GET", "/api/overview"),
            ("POST", "/api/tasks"),
            ("GET", "/docs"),
            ("GET", "/x"),
        ):
            answer = await client.request(method, path)
            assert is_problem(answer, 503)
            assert answer.headers["retry-after"]
            for name in names:
                assert name in answer.json()["detail"]
            assert answer.json()["field"] in answer.json()["detail"]
        health = await client.get("/api/health")
        assert (health.status_code, health.json()) == (200, {"status": "ok"})
        assert (await client.head("/api/health")).status_code == 200


async def test_nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    await _assert_503(_app(monkeypatch), "UPSTASH_REDIS_REST_URL")


async def test_nothing_is_set_on_vercel(monkeypatch: pytest.MonkeyPatch) -> None:
    await _assert_503(_app(monkeypatch, VERCEL="1"), "API_KEYS", "UPSTASH_REDIS_REST_URL")


async def test_vercel_without_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    await _assert_503(_app(monkeypatch, VERCEL="1", **REST), "API_KEYS")


async def test_vercel_without_keys_is_not_opened_by_allow_keyless(monkeypatch: pytest.MonkeyPatch) -> None:
    await _assert_503(_app(monkeypatch, VERCEL="1", ALLOW_KEYLESS="1", **REST), "API_KEYS")


async def test_empty_keys_on_vercel_are_no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    await _assert_503(_app(monkeypatch, VERCEL="1", API_KEYS="", **REST), "API_KEYS")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("MAX_BODY_BYTES", "4 MB"),
        ("MAX_BODY_BYTES", "1"),
        ("MAX_PAYLOAD_BYTES", "-5"),
        ("CHECK_TASK_TYPES", "maybe"),
        ("RETENTION_SECONDS", "0"),
        ("REDIS_URL", "localhost:6379"),
        ("UPSTASH_REDIS_REST_URL", "eu1-name.upstash.io"),
        ("UPSTASH_REDIS_REST_TOKEN", ""),
    ],
)
async def test_a_wrong_variable_is_named(monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> None:
    good = {"REDIS_URL": "redis://127.0.0.1:1"} if variable == "REDIS_URL" else REST
    await _assert_503(_app(monkeypatch, **{**good, variable: value}), variable)


async def test_no_secret_is_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "hunter2-hunter2"
    app = _app(monkeypatch, REDIS_URL=f"http://u:{secret}@h", API_KEYS=secret, MAX_BODY_BYTES=secret)
    async with Client(app) as client:
        assert secret not in (await client.get("/api/overview")).text


async def test_lifespan_needs_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    app = _app(monkeypatch, REDIS_URL="redis://203.0.113.1:1")
    async with app.router.lifespan_context(app), Client(app) as client:
        assert (await client.get("/api/health")).status_code == 200

"""Bodies: nothing is guessed, nothing is dropped, and nothing a client sends is our failure."""

from __future__ import annotations

import gzip
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.app import create_app
from api.body import MAX_DEPTH, parse
from api.settings import ApiSettings
from shared.errors import InvalidInput, MalformedBody
from tests.api.conftest import AppFactory
from tests.api.support import MAIL, Client, ask_raw, is_problem

JSON_TYPE = (b"content-type", b"application/json")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "{'a': 1}",
        '{"task_type": "email", "payload": {}} x',
        '{"task_type": "email", "payload": {},}',
        '{"task_type": "email", "payload": {"a": NaN}}',
        '{"task_type": "email", "payload": {"a": -Infinity}}',
        '{"task_type": "email", "payload": {"a": 01}}',
        '{"task_type": "email", "payload": {"a": "\n"}}',
        "\ufeff" + json.dumps(MAIL),
        b'{"task_type": "\xff"}',
        b'{"task_type": "\xed\xa0\x80"}',
        json.dumps(MAIL).encode("utf-16"),
        b"\x00",
    ],
)
async def test_what_is_no_json(tcp_api: Client, text: str | bytes) -> None:
    assert is_problem(await tcp_api.send_text(text), 400, "body")


@pytest.mark.parametrize("text", ["null", "5", "true", '"text"', "[]", "[{}]"])
async def test_json_that_is_no_object(tcp_api: Client, text: str) -> None:
    assert is_problem(await tcp_api.send_text(text), 422, "body")
    assert is_problem(await tcp_api.send_text(text, "/api/tasks/batch"), 422, "body")


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ('{"task_type": "email", "task_type": "data", "payload": {}}', "task_type"),
        ('{"task_type": "email", "payload": {"a": {"b": 1, "b": 1}}}', "payload.a.b"),
        ('{"a": 1, "a": 2} and more', "body"),
        ('{"task_type": "email", "payload": [{"x": [0, {"c": 1, "c": 1}]}]}', "payload[0].x[1].c"),
        ('{"task_type": "email", "payload": {"a": "\\ud800"}}', "payload.a"),
        ('{"task_type": "email", "payload": {"\\udfff": 1}}', "payload.?"),
        ('{"\\ud800": 1}', "?"),
        ('{"task_type": "email", "payload": {"a": ' + "9" * 5000 + "}}", "payload.a"),
        ('{"task_type": "email", "payload": {}, "priority": ' + "9" * 5000 + "}", "priority"),
        ('{"task_type": "email", "payload": {"a": 1e999}}', "payload"),
        ('{"task_type": "email", "payload": {}, "metadata": {"a": 1e999}}', "metadata"),
        ('{"task_type": "email", "payload": {}, "delay_seconds": 1e999}', "delay_seconds"),
        ('{"task_type": "email", "payload": ' + '{"a":' * 100_000 + "1" + "}" * 100_001, "body"),
        ("[" * 100_000 + "]" * 100_000, "body"),
        ('{"task_type": "email", "payload": {"a": ' + "[" * 200 + "]" * 200 + "}}", "body"),
    ],
)
async def test_json_that_is_refused(tcp_api: Client, text: str, field: str) -> None:
    assert is_problem(await tcp_api.send_text(text), 422, field)
    batch = f'{{"tasks": [{text}]}}'
    answer = await tcp_api.send_text(batch, "/api/tasks/batch")
    assert is_problem(answer, 422)


async def test_what_looks_odd_and_is_fine(tcp_api: Client) -> None:
    payload = {"emoji": "\U0001f600", "nul": "\x00", "": 0, "text": "line\nbreak\u2028", "tiny": 1e-320}
    answer = await tcp_api.send_text(json.dumps({**MAIL, "payload": payload}))
    assert answer.status_code == 202
    assert (await tcp_api.get(answer.headers["location"])).json()["payload"] == payload


async def test_depth_up_to_the_limit(tcp_api: Client) -> None:
    value: Any = 1
    for _ in range(MAX_DEPTH - 2):
        value = [value]
    answer = await tcp_api.submit(payload={"deep": value}, idempotency_key="k", metadata={"n": 1})
    assert answer.status_code == 202
    assert (await tcp_api.get(answer.headers["location"])).json()["payload"] == {"deep": value}
    assert is_problem(await tcp_api.submit(payload={"deep": [[value]]}), 422, "body")


@pytest.mark.parametrize(
    "kind",
    [
        None,
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/jsonx",
        "application/json; charset=latin-1",
        "application/json, text/plain",
    ],
)
async def test_a_wrong_content_type(tcp_api: Client, kind: str | None) -> None:
    headers = {} if kind is None else {"Content-Type": kind}
    answer = await tcp_api.post("/api/tasks", content=json.dumps(MAIL), headers=headers)
    assert is_problem(answer, 415, "Content-Type")


@pytest.mark.parametrize(
    "kind", ["application/json; charset=utf-8", "Application/JSON;charset=UTF8", "application/json;"]
)
async def test_a_right_content_type(tcp_api: Client, kind: str) -> None:
    answer = await tcp_api.post("/api/tasks", content=json.dumps(MAIL), headers={"Content-Type": kind})
    assert answer.status_code == 202


async def test_compressed_bodies_are_not_read(tcp_api: Client) -> None:
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    answer = await tcp_api.post(
        "/api/tasks", content=gzip.compress(json.dumps(MAIL).encode()), headers=headers
    )
    assert is_problem(answer, 415, "Content-Encoding")


async def test_a_payload_over_its_limit(make_app: AppFactory) -> None:
    async with Client(make_app(max_payload_bytes=1000)) as client:
        assert (await client.submit(payload={"a": "x" * 900})).status_code == 202
        assert is_problem(await client.submit(payload={"a": "x" * 1000}), 413, "payload")
        assert is_problem(await client.submit(payload={"a": "ü" * 600}), 413, "payload")
        batch = {"tasks": [MAIL, {**MAIL, "payload": {"a": "x" * 1000}}]}
        assert is_problem(await client.post("/api/tasks/batch", json=batch), 413, "tasks[1].payload")
        batch = {"tasks": batch["tasks"][1:]}
        assert is_problem(await client.post("/api/tasks/batch", json=batch), 413, "tasks[0].payload")


async def test_a_body_over_its_limit_is_refused_by_its_length_unread(make_app: AppFactory) -> None:
    app = make_app(max_body_bytes=2000)
    for length in (b"2001", b"9" * 5000, b"0" * 20 + b"2001"):
        answer = await ask_raw(app, "POST", "/api/tasks", headers=[JSON_TYPE, (b"content-length", length)])
        assert answer.status == 413
        assert answer.json["field"] == "body"


async def test_a_chunked_body_is_counted_while_it_comes(make_app: AppFactory) -> None:
    asked = 0

    async def chunks() -> AsyncIterator[bytes]:
        nonlocal asked
        for _ in range(1000):
            asked += 1
            yield b" " * 1000

    async with Client(make_app(max_body_bytes=2000)) as client:
        answer = await client.post(
            "/api/tasks", content=chunks(), headers={"Content-Type": "application/json"}
        )
    assert is_problem(answer, 413, "body")
    assert asked <= 3


async def test_the_default_limit_of_a_body_is_4_mb(tcp_api: Client) -> None:
    assert is_problem(await tcp_api.send_text(b" " * (4 * 1024 * 1024 + 1)), 413, "body")


async def test_a_length_that_is_no_number_is_no_failure(tcp_api: Client, make_app: AppFactory) -> None:
    headers = [JSON_TYPE, (b"content-length", b"\xb2")]
    answer = await ask_raw(make_app(), "POST", "/api/tasks", headers=headers, chunks=[b"{}"])
    assert answer.status == 422


async def test_a_client_that_leaves_while_sending(make_app: AppFactory) -> None:
    sent: list[Any] = []

    async def receive() -> dict[str, str]:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/api/tasks",
        "query_string": b"",
        "headers": [(b"host", b"localhost"), JSON_TYPE],
        "client": ("127.0.0.1", 1),
    }
    await make_app()(scope, receive, send)
    assert sent == []


class _Refusing:
    """A transport that must not be reached."""

    async def run(self, *_: Any) -> Any:
        raise AssertionError("a refused request reached Redis")

    command = wait = run

    async def close(self) -> None:
        return None


_json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(min_value=-(10**30), max_value=10**30)
    | st.floats()
    | st.text(st.characters(codec=None), max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(codec=None), max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)
_names = st.sampled_from(
    [
        *"abc",
        "task_type",
        "payload",
        "priority",
        "queue",
        "retry",
        "metadata",
        "run_at",
        "delay_seconds",
        "idempotency_key",
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60) | _json_values.map(lambda value: json.dumps(value).encode()))
def test_parse_gives_json_or_an_error_of_ours(raw: bytes) -> None:
    try:
        value = parse(raw)
    except (MalformedBody, InvalidInput):
        return
    json.dumps(value, ensure_ascii=False).encode()


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=st.dictionaries(_names, _json_values, max_size=6),
    path=st.sampled_from(["/api/tasks", "/api/tasks/batch"]),
)
async def test_no_body_is_our_failure(body: dict[str, Any], path: str) -> None:
    """Almost none of these is a task; each is answered by a problem, and Redis is not asked."""
    body.pop("task_type", None)
    app = create_app(ApiSettings(redis_url="redis://127.0.0.1:1"), transport=_Refusing())
    async with Client(app) as client:
        text = json.dumps({"tasks": [body]} if path.endswith("batch") else body)
        answer = await client.send_text(text, path)
    assert answer.status_code in (400, 413, 422), answer.text


@settings(max_examples=200, deadline=None)
@given(
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "BREW"]),
    path=st.text(st.characters(codec=None), max_size=12).map(lambda text: f"/api/tasks{text}")
    | st.just("/api/tasks"),
    query=st.binary(max_size=30),
    headers=st.lists(
        st.tuples(
            st.sampled_from(
                [
                    b"authorization",
                    b"content-type",
                    b"content-length",
                    b"x-request-id",
                    b"if-none-match",
                    b"idempotency-key",
                    b"origin",
                    b"accept",
                ]
            ),
            st.binary(max_size=20),
        ),
        max_size=4,
    ),
    body=st.binary(max_size=20),
)
async def test_no_request_is_our_failure(
    method: str, path: str, query: bytes, headers: list[tuple[bytes, bytes]], body: bytes
) -> None:
    app = create_app(ApiSettings(redis_url="redis://127.0.0.1:1", api_keys=f"a:submit:{'0' * 64}"))
    answer = await ask_raw(app, method, path, query=query, headers=headers, chunks=[body])
    assert answer.status < 500, answer.body
    open_app = create_app(ApiSettings(redis_url="redis://127.0.0.1:1"), transport=_Nothing())
    answer = await ask_raw(open_app, method, path, query=query, headers=headers, chunks=[body])
    assert answer.status < 500, answer.body


class _Nothing(_Refusing):
    """A Redis that holds nothing."""

    async def command(self, *words: str) -> Any:
        return [None, None, None] if words[0] == "MGET" else []


@pytest.mark.parametrize("size", [10_000, 1_000_000])
async def test_huge_headers_and_queries(tcp_api: Client, make_app: AppFactory, size: int) -> None:
    app = make_app()
    for name in (
        b"authorization",
        b"x-request-id",
        b"if-none-match",
        b"idempotency-key",
        b"origin",
        b"cookie",
    ):
        answer = await ask_raw(app, "GET", "/api/tasks", headers=[(name, b"x" * size)])
        assert answer.status < 500
    answer = await ask_raw(app, "GET", "/api/tasks", query=b"cursor=" + b"x" * size)
    assert answer.status == 422
    assert len(answer.body) < 2_000
    answer = await ask_raw(app, "GET", "/api/tasks", query=b"x" * size + b"=1")
    assert answer.status == 422
    assert len(answer.body) < 2_000
    answer = await ask_raw(app, "GET", "/api/" + "x" * size)
    assert answer.status == 404
    assert len(answer.body) < 2_000

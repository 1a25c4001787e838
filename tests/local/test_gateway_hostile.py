"""Requests that no honest client sends: each gets an error, none a 500, none takes the gateway along."""

import asyncio
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import httpx
import pytest

from local.gateway.requests import MAX_REQUEST_BYTES
from tests.local.conftest import TOKEN


@pytest.mark.parametrize("path", ["/", "/pipeline", "/multi-exec"])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"null",
        b"1",
        b'"GET"',
        b"{}",
        b'{"0": "GET"}',
        b"[]",
        b"[[]]",
        b'[["PING"], []]',
        b"[",
        b'["PING"',
        b'["PING",]',
        b'["PING"] trailing',
        b'["PING"]["PING"]',
        b"[NaN]",
        b"[01]",
        b"['PING']",
        b'["\\ud800"]',
        b'["\\udc00\\ud800"]',
        b'["\xff"]',
        b'[{"a": "\xff"}, "\xed\xa0\x80"]',
        b'["\x00"]',
        b"\xff\xfe[\x00]\x00",
        b"[" * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
        b'[{"a":' * 50_000 + b"1" + b"}]" * 50_000,
        b'["' + b"\\u0000" * 1000 + b'"]',
        b"[" + b"9" * 5000 + b"]",
        b"[[" + b"9" * 5000 + b"]]",
    ],
    ids=lambda body: repr(body[:20]),
)
async def test_malformed_bodies_get_an_error(http: httpx.AsyncClient, path: str, body: bytes) -> None:
    response = await http.post(path, content=body)
    answer = response.json()
    if isinstance(answer, list):
        assert response.status_code == 200
        assert all(entry["error"].startswith("ERR unknown command") for entry in answer)
    else:
        assert response.status_code == 400
        assert answer["error"].startswith("ERR ")
    assert (await http.get("/ping")).json() == {"result": "PONG"}


async def test_a_number_of_5000_digits_is_stored_digit_by_digit(http: httpx.AsyncClient, key: str) -> None:
    digits = "1234567890" * 500
    await http.post("/", content=f'["SET", "{key}", {digits}]')
    assert (await http.get(f"/get/{key}")).json() == {"result": digits}


async def test_a_body_at_the_limit_passes_and_one_byte_more_does_not(http: httpx.AsyncClient) -> None:
    frame = b'["ECHO",""]'
    full = b'["ECHO","' + b"x" * (MAX_REQUEST_BYTES - len(frame)) + b'"]'
    assert len((await http.post("/", content=full)).json()["result"]) == MAX_REQUEST_BYTES - len(frame)
    response = await http.post("/", content=full + b" ")
    assert response.status_code == 400
    text = f"ERR max request size exceeded. Limit: 10485760 bytes, Actual: {MAX_REQUEST_BYTES + 1} bytes"
    assert response.json() == {"error": text}


async def test_a_body_of_undeclared_length_meets_the_same_limit(http: httpx.AsyncClient) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b"x" * 1024 * 1024

    response = await http.post("/", content=chunks())
    assert response.status_code == 400
    assert response.json()["error"].endswith(f"Actual: {20 * 1024 * 1024} bytes")


@pytest.mark.parametrize(
    "path",
    [
        "/%00",
        "/%ff%fe",
        "/get/%zz",
        "//pipeline",
        "/pipeline/x",
        "/multi-exec/x",
        "/%2e%2e/x",
        "/get//////",
        "/?a=1",
    ],
)
async def test_odd_paths_get_an_error(http: httpx.AsyncClient, path: str) -> None:
    response = await http.post(path, content=b"")
    assert response.status_code in (200, 400)
    assert list(response.json()) in (["error"], ["result"])


async def test_a_command_cannot_be_smuggled_in_an_argument(http: httpx.AsyncClient, key: str) -> None:
    value = f"x\r\n*2\r\n$3\r\nDEL\r\n${len(key)}\r\n{key}\r\n"
    assert (await http.post("/", json=["SET", key, value])).json() == {"result": "OK"}
    assert (await http.get(f"/get/{key}")).json() == {"result": value}


async def test_a_reply_nested_deeply_is_an_answer_too(http: httpx.AsyncClient) -> None:
    script = "local t = {1} for _ = 1, tonumber(ARGV[1]) do t = {t} end return t"
    for depth in (100, 500, 5000):
        response = await http.post("/", json=["EVAL", script, 0, depth])
        assert response.status_code in (200, 400, 502)
        assert list(response.json()) in (["error"], ["result"])
    assert (await http.get("/ping")).json() == {"result": "PONG"}


async def exchange(gateway_url: str, request: bytes) -> bytes:
    """Send bytes as they are and read until the gateway closes."""
    address = urlsplit(gateway_url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write(request)
    answer = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    await writer.wait_closed()
    return answer


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"\x00\x01\x02\r\n\r\n",
        b"*1\r\n$4\r\nPING\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
    ],
)
async def test_what_is_not_http_is_refused_as_such(gateway_url: str, request_bytes: bytes) -> None:
    assert (await exchange(gateway_url, request_bytes)).startswith(b"HTTP/1.1 400 ")


async def test_a_client_that_leaves_in_the_middle_of_its_body_harms_nobody(
    gateway_url: str, http: httpx.AsyncClient, key: str
) -> None:
    address = urlsplit(gateway_url)
    for _ in range(20):
        _, writer = await asyncio.open_connection(address.hostname, address.port)
        writer.write(f"POST /set/{key} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {TOKEN}\r\n".encode())
        writer.write(b"content-length: 100\r\n\r\nhalf")
        await writer.drain()
        writer.close()
        await writer.wait_closed()
    assert (await http.get(f"/exists/{key}")).json() == {"result": 0}

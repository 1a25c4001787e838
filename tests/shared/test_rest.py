"""The REST adapter: what proxies and the service answer, lost replies, deadlines."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable
from typing import ClassVar

import httpx
import pytest

from shared.errors import ScriptFailed, StoreFull, StoreRefused, StoreUnavailable
from shared.queue import QueueOptions, TaskQueue
from shared.scripts import script
from shared.settings import RestTarget
from shared.transports import rest
from shared.transports.base import ScriptSignal
from shared.transports.rest import RestTransport
from tests.shared.test_tcp import TEXTS
from tests.support.factories import task, tasks
from tests.support.gateway import TOKEN
from tests.support.queues import NAMESPACE

TICK = script("tick")
Answer = Callable[[httpx.Request], httpx.Response]


def _transport(answer: Answer) -> RestTransport:
    return RestTransport(RestTarget("https://db.example", "token"), http=httpx.MockTransport(answer))


async def test_a_request_looks_for_no_modules(store, gateway, monkeypatch):
    class Watcher:
        sought: ClassVar[list[str]] = []

        @classmethod
        def find_spec(cls, name, path=None, target=None):
            cls.sought.append(name)

    transport = RestTransport(RestTarget(gateway.url, TOKEN))
    await transport.command("PING")
    monkeypatch.setattr(sys, "meta_path", [Watcher, *sys.meta_path])
    await transport.command("PING")
    await transport.close()
    assert Watcher.sought == []


@pytest.mark.parametrize("status", [200, 400, 429, 500])
@pytest.mark.parametrize(("text", "expected"), TEXTS)
async def test_what_an_error_in_json_becomes_whatever_its_status(text, expected, status):
    transport = _transport(lambda _: httpx.Response(status, json={"error": text}))
    with pytest.raises(expected) as caught:
        await transport.run(TICK, [], [])
    assert type(caught.value) is expected
    await transport.close()


@pytest.mark.parametrize(
    "response",
    [
        httpx.Response(502, html="<html>Bad Gateway</html>"),
        httpx.Response(200, json={}),
        httpx.Response(200, json=[]),
        httpx.Response(200, json=None),
        httpx.Response(200, json=5),
        httpx.Response(200, json={"result": "OK"}),
        httpx.Response(200, json={"result": []}),
        httpx.Response(200, content=b"\xff\xfe"),
        httpx.Response(204),
        httpx.Response(302, headers={"location": "https://elsewhere.example"}),
    ],
    ids=lambda response: f"{response.status_code}-{response.content[:16]!r}",
)
async def test_nonsense_is_unavailable(response):
    queue = TaskQueue(_transport(lambda _: httpx.Response(response.status_code, content=response.content)))
    with pytest.raises(StoreUnavailable):
        await queue.tick()
    await queue.transport.close()


@pytest.mark.parametrize("status", [502, 503, 504])
async def test_a_proxy_without_its_server_is_unavailable_whatever_it_writes(status):
    transport = _transport(lambda _: httpx.Response(status, json={"error": "ERR database unreachable"}))
    with pytest.raises(StoreUnavailable, match=str(status)):
        await transport.run(TICK, [], [])
    await transport.close()


async def test_a_fault_without_words_is_named():
    def answer(request):
        raise httpx.ReadTimeout("")

    transport = _transport(answer)
    with pytest.raises(StoreUnavailable, match="Redis does not answer: ReadTimeout"):
        await transport.run(TICK, [], [])
    await transport.close()


@pytest.mark.parametrize(
    "fault",
    [
        httpx.ConnectError("refused"),
        httpx.ConnectTimeout("slow"),
        httpx.ReadTimeout("slow"),
        httpx.RemoteProtocolError("cut"),
        httpx.ReadError("reset"),
        httpx.PoolTimeout("full"),
    ],
    ids=lambda fault: type(fault).__name__,
)
async def test_a_fault_is_tried_once_more_and_then_unavailable(fault):
    seen = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        raise fault

    transport = _transport(answer)
    with pytest.raises(StoreUnavailable):
        await transport.run(TICK, [], [])
    assert len(seen) == 2
    await transport.close()


async def test_silence_ends_with_the_deadline_retries_included(monkeypatch):
    monkeypatch.setattr(rest, "DEADLINE_S", 0.3)

    async def answer(request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(60)
        return httpx.Response(200, json={"result": [1]})

    transport = _transport(answer)
    started = time.monotonic()
    with pytest.raises(StoreUnavailable, match=r"did not answer within 0\.3 s"):
        await transport.run(TICK, [], [])
    assert time.monotonic() - started < 2
    await transport.close()


def test_two_tries_fit_into_the_deadline():
    assert rest._TIMEOUT.read * rest._TRIES <= rest.DEADLINE_S <= 5


async def test_evalsha_first_then_eval_with_the_body_and_only_text_as_words():
    sent = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(json.loads(request.content))
        assert request.headers["authorization"] == "Bearer token"
        if sent[-1][0] == "EVALSHA":
            return httpx.Response(400, json={"error": "NOSCRIPT No matching script. Please use EVAL."})
        return httpx.Response(200, json={"result": [7, 8]})

    transport = _transport(answer)
    assert await transport.run(TICK, ["k"], ["1", ""]) == [7, 8]
    assert [words[0] for words in sent] == ["EVALSHA", "EVAL"]
    assert sent[0][1:] == [TICK.sha, "1", "k", "1", ""]
    assert sent[1][1:] == [TICK.body, "1", "k", "1", ""]
    await transport.close()


async def test_our_own_codes_come_with_their_words():
    transport = _transport(lambda _: httpx.Response(400, json={"error": "ERR DTQ_NOT_FOUND"}))
    with pytest.raises(ScriptSignal) as caught:
        await transport.run(TICK, [], [])
    assert caught.value.code == "DTQ_NOT_FOUND"
    await transport.close()


async def test_a_reply_lost_after_the_command_ran_is_repeated_and_stored_once(store, gateway):
    """The gateway has carried it out; the answer does not arrive."""
    inner, lose = httpx.AsyncHTTPTransport(), [True]

    class Losing(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            response = await inner.handle_async_request(request)
            body = await response.aread()
            if lose and b'"error"' not in body:
                lose.pop()
                raise httpx.RemoteProtocolError("cut")
            return httpx.Response(response.status_code, content=body)

    queue = TaskQueue(
        RestTransport(RestTarget(gateway.url, TOKEN), http=Losing()), QueueOptions(namespace=NAMESPACE)
    )
    items = await queue.submit(tasks(600))
    assert not lose
    assert store.zcard("{test:0}:pending:default") == len({item.id for item in items}) == 600
    await queue.transport.close()
    await inner.aclose()


async def test_a_wrong_token_is_refused(gateway):
    transport = RestTransport(RestTarget(gateway.url, "wrong"))
    with pytest.raises(StoreRefused):
        await transport.run(TICK, [], [])
    await transport.close()


async def test_full_is_full(rest_queues, store):
    queue = rest_queues()
    store.config_set("maxmemory", "1")
    try:
        with pytest.raises(StoreFull):
            await queue.submit([task()])
    finally:
        store.config_set("maxmemory", "0")


def test_each_event_loop_has_its_own_client(gateway, store):
    """A client of a closed loop would fail; serverless hosts make a loop per invocation."""
    transport = RestTransport(RestTarget(gateway.url, TOKEN))

    async def once() -> None:
        queue = TaskQueue(transport, QueueOptions(namespace=NAMESPACE))
        await queue.ping()
        await queue.submit([task()])
        await transport.close()

    for _ in range(2):
        asyncio.run(once())


async def test_a_script_that_fails_names_its_file_and_line():
    [first] = [n for n, line in enumerate(TICK.body.split("\n"), 1) if line.endswith("clock = call('TIME')")]
    text = f"ERR user_script:{first}: bad script: 0123, on @user_script:{first}."
    transport = _transport(lambda _: httpx.Response(400, json={"error": text}))
    with pytest.raises(ScriptFailed, match=r"lib/clock\.lua:8: bad"):
        await transport.run(TICK, [], [])
    await transport.close()


async def test_hundreds_of_calls_to_a_server_that_hangs_end_in_time(monkeypatch):
    monkeypatch.setattr(rest, "DEADLINE_S", 1.0)
    monkeypatch.setattr(rest, "_TIMEOUT", httpx.Timeout(0.4))

    async def hang(reader, writer):
        try:
            await reader.read()
        finally:
            writer.close()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    transport = RestTransport(RestTarget(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", TOKEN))
    started = time.monotonic()
    answers = await asyncio.gather(*(transport.command("PING") for _ in range(600)), return_exceptions=True)
    assert {type(answer) for answer in answers} == {StoreUnavailable}
    assert time.monotonic() - started < 3.0
    await transport.close()
    server.close()
    await server.wait_closed()

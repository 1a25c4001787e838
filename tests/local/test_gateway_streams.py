"""Subscriptions and MONITOR as server-sent events."""

import asyncio
from collections.abc import AsyncIterator, MutableMapping

import httpx
import pytest

from local.gateway import create_gateway
from local.gateway.redis_link import PushConnection
from local.gateway.sse import event
from tests.local.conftest import (
    READ_ONLY_TOKEN,
    TOKEN,
    GatewayProcess,
    RedisProcess,
    client_of,
    eventually,
    fake_redis,
)


async def events(response: httpx.Response) -> AsyncIterator[str]:
    """The data of each event; several lines joined as the specification says."""
    lines: list[str] = []
    async for line in response.aiter_lines():
        if line:
            lines.append(line.removeprefix("data: "))
        elif lines:
            yield "\n".join(lines)
            lines = []


async def publish(http: httpx.AsyncClient, channel: str, message: str) -> int:
    return int((await http.post("/", json=["PUBLISH", channel, message])).json()["result"])


async def subscribers(http: httpx.AsyncClient, channel: str) -> int:
    return int((await http.post("/", json=["PUBSUB", "NUMSUB", channel])).json()["result"][1])


async def test_subscribe_streams_each_message_in_order(http: httpx.AsyncClient, key: str) -> None:
    async with http.stream("POST", f"/subscribe/{key}", headers={"Accept": "text/event-stream"}) as response:
        assert response.status_code == 200
        assert response.headers["content-type"] == "text/event-stream"
        assert response.headers["upstash-sync-token"]
        stream = events(response)
        assert await anext(stream) == f"subscribe,{key},1"
        for message in ("hello", "how, are, you?", "", "two\nlines", "ümlaut"):
            assert await publish(http, key, message) == 1
            assert await anext(stream) == f"message,{key},{message}"


async def test_a_subscription_ends_with_its_client(http: httpx.AsyncClient, key: str) -> None:
    async with http.stream("POST", f"/subscribe/{key}") as response:
        await anext(events(response))

        async def is_there() -> bool:
            return await subscribers(http, key) == 1

        await eventually(is_there, "the gateway has subscribed")

    async def nobody_left() -> bool:
        return await subscribers(http, key) == 0

    await eventually(nobody_left, "the gateway unsubscribes")


async def test_psubscribe_names_pattern_and_channel(http: httpx.AsyncClient, key: str) -> None:
    async with http.stream("POST", f"/psubscribe/{key}:*") as response:
        stream = events(response)
        assert await anext(stream) == f"psubscribe,{key}:*,1"
        await publish(http, f"{key}:a", "m")
        assert await anext(stream) == f"pmessage,{key}:*,{key}:a,m"


async def test_monitor_shows_commands(http: httpx.AsyncClient, key: str) -> None:
    async with http.stream("POST", "/monitor") as response:
        stream = events(response)
        assert await anext(stream) == '"OK"'
        await http.post("/", json=["SET", key, "v"])
        async for line in stream:
            if line.endswith(f'"SET" "{key}" "v"'):
                break


async def test_a_flood_reaches_a_slow_reader_complete(http: httpx.AsyncClient, key: str) -> None:
    message = "x" * 1000
    async with http.stream("POST", f"/subscribe/{key}") as response:
        stream = events(response)
        await anext(stream)
        for _ in range(4):
            await http.post("/pipeline", json=[["PUBLISH", key, f"{n}{message}"] for n in range(1000)])
        for n in range(4000):
            assert await anext(stream) == f"message,{key},{n % 1000}{message}"


@pytest.mark.parametrize("path", ["/subscribe", "/psubscribe", "/monitor/x"])
async def test_streams_that_cannot_be_are_400(http: httpx.AsyncClient, path: str) -> None:
    response = await http.post(path)
    assert response.status_code == 400
    assert response.json()["error"].startswith("ERR ")


async def test_streams_need_a_token(gateway_url: str) -> None:
    async with httpx.AsyncClient(base_url=gateway_url) as client:
        assert (await client.post("/subscribe/a")).status_code == 401
        headers = {"Authorization": f"Bearer {READ_ONLY_TOKEN}"}
        async with client.stream("POST", "/subscribe/a", headers=headers) as response:
            assert response.status_code == 200


async def test_a_stream_ends_when_redis_does(mortal_redis: RedisProcess) -> None:
    gateway = GatewayProcess(mortal_redis.url)
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with (
        httpx.AsyncClient(base_url=gateway.url, headers=headers) as client,
        client.stream("POST", "/subscribe/a") as response,
    ):
        stream = events(response)
        await anext(stream)
        mortal_redis.kill()
        assert [line async for line in stream] == []
    assert gateway.stop() == ""


async def test_the_gateway_stops_at_once_although_a_stream_is_open(redis_process: RedisProcess) -> None:
    gateway = GatewayProcess(redis_process.url)
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with (
        httpx.AsyncClient(base_url=gateway.url, headers=headers) as client,
        client.stream("POST", "/subscribe/a") as response,
    ):
        stream = events(response)
        await anext(stream)
        gateway.process.terminate()
        async with asyncio.timeout(3):
            assert [line async for line in stream] == []
    assert gateway.stop() == ""


async def test_a_redis_that_confirms_nothing_is_no_stream_for_ever() -> None:
    async def respond(data: bytes, writer: asyncio.StreamWriter) -> None:
        """Say nothing."""

    async with fake_redis(respond) as (fake, url):
        app = create_gateway(url, TOKEN, timeout_s=0.1)
        async with client_of(app) as client:
            assert (await client.post("/subscribe/a")).status_code == 504
        await fake.hung_up.wait()
        await app.close()


class RecordingTransport(asyncio.Transport):
    """A transport that notes when it is to be read and when not."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[str] = []

    def pause_reading(self) -> None:
        self.calls.append("pause")

    def resume_reading(self) -> None:
        self.calls.append("resume")


async def test_what_waits_for_a_slow_listener_is_bounded() -> None:
    transport = RecordingTransport()
    link = PushConnection()
    link.connection_made(transport)
    push = b"$100000\r\n" + b"x" * 100_000 + b"\r\n"
    for _ in range(10):
        link.data_received(push)
    assert transport.calls == []
    link.data_received(push)  # the first to exceed a mebibyte
    assert transport.calls == ["pause"]
    for _ in range(11):
        assert await anext(link) == "x" * 100_000
    assert transport.calls == ["pause"]
    waiting = asyncio.create_task(link.next_push())
    await asyncio.sleep(0)
    assert transport.calls == ["pause", "resume"]
    link.data_received(push)
    assert await waiting == "x" * 100_000


async def test_a_stream_leaves_nothing_running(redis_process: RedisProcess) -> None:
    app = create_gateway(redis_process.url, TOKEN)
    sent: list[str] = []

    async def receive() -> dict[str, object]:
        return await asyncio.Future()  # a client that neither speaks nor leaves

    async def send(message: MutableMapping[str, object]) -> None:
        sent.append(str(message["type"]))
        if message["type"] == "http.response.body" and message.get("more_body"):
            app.close_streams()

    headers = [(b"authorization", f"Bearer {TOKEN}".encode())]
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/subscribe/a",
        "query_string": b"",
        "headers": headers,
    }
    await app(scope, receive, send)
    assert sent == ["http.response.start", "http.response.body", "http.response.body"]
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.mark.parametrize(
    ("push", "rendered"),
    [
        (["message", "c", "a,b"], b"data: message,c,a,b\n\n"),
        (["message", "c", "a\nmessage,c,forged"], b"data: message,c,a\ndata: message,c,forged\n\n"),
        (["message", "c", "a\r\nb\rc"], b"data: message,c,a\ndata: b\ndata: c\n\n"),
        (["unsubscribe", None, 0], b"data: unsubscribe,,0\n\n"),
        ("OK", b'data: "OK"\n\n'),
    ],
)
def test_an_event_keeps_to_its_lines(push: object, rendered: bytes) -> None:
    assert event(push) == rendered

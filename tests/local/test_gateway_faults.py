"""Redis dead, stopped, slow or lying; clients that give up. A command is never sent twice, a reply never misread."""

import asyncio
import inspect
import time

import httpx
import pytest

from local.gateway import Gateway, create_gateway
from tests.local.conftest import TOKEN, RedisProcess, client_of, eventually, fake_redis


def gateway_for(redis_url: str, timeout_s: float = 5, max_connections: int = 64) -> Gateway:
    return create_gateway(redis_url, TOKEN, timeout_s=timeout_s, max_connections=max_connections)


async def answers(client: httpx.AsyncClient) -> bool:
    return (await client.get("/ping")).status_code == 200


def test_a_request_fails_within_five_seconds_unless_told_otherwise() -> None:
    assert inspect.signature(create_gateway).parameters["timeout_s"].default < 5


async def test_redis_killed_is_503_and_heals_by_itself(mortal_redis: RedisProcess) -> None:
    app = gateway_for(mortal_redis.url)
    async with client_of(app) as client:
        assert await answers(client)
        mortal_redis.kill()
        await eventually(lambda: _is(client, 503), "the gateway sees that Redis is gone")
        started = time.monotonic()
        for path, body in (
            ("/", '["GET","a"]'),
            ("/pipeline", '[["GET","a"]]'),
            ("/multi-exec", '[["GET","a"]]'),
        ):
            response = await client.post(path, content=body)
            assert response.status_code == 503
            assert response.json()["error"].startswith("ERR the database is not reachable")
        assert (await client.post("/subscribe/a")).status_code == 503
        assert time.monotonic() - started < 2
        mortal_redis.start()
        assert await answers(client)
    await app.close()


async def _is(client: httpx.AsyncClient, status: int) -> bool:
    return (await client.get("/ping")).status_code == status


async def test_redis_killed_in_the_middle_of_a_command_says_that_it_may_have_run(
    mortal_redis: RedisProcess,
) -> None:
    app = gateway_for(mortal_redis.url)
    async with client_of(app) as client:
        mortal_redis.pause()  # so that the command is certainly under way when the server dies
        call = asyncio.create_task(client.post("/", json=["INCR", "n"]))
        await asyncio.wait([call], timeout=0.1)
        mortal_redis.kill()
        response = await call
        assert (response.status_code, "may have run" in response.json()["error"]) == (502, True)
        mortal_redis.start()
        assert (await client.get("/get/n")).json() == {"result": None}  # not sent again after the restart
    await app.close()


async def test_redis_stopped_is_504_and_heals_by_itself(mortal_redis: RedisProcess) -> None:
    app = gateway_for(mortal_redis.url, timeout_s=0.3)
    async with client_of(app) as client:
        assert await answers(client)
        mortal_redis.pause()
        responses = await asyncio.gather(*(client.get("/ping") for _ in range(10)))
        assert {response.status_code for response in responses} == {504}
        assert "may have run" in responses[0].json()["error"]
        assert (await client.post("/subscribe/a")).status_code == 504
        mortal_redis.resume()
        await eventually(lambda: answers(client), "the gateway answers again")
    await app.close()


async def test_waiting_for_a_connection_counts_as_waiting(mortal_redis: RedisProcess) -> None:
    app = gateway_for(mortal_redis.url, timeout_s=0.3, max_connections=1)
    async with client_of(app) as client:
        assert await answers(client)
        mortal_redis.pause()
        started = time.monotonic()
        responses = await asyncio.gather(*(client.get("/ping") for _ in range(5)))
        assert time.monotonic() - started < 2
        assert sorted({response.status_code for response in responses}) in ([503, 504], [504])
    await app.close()


async def test_a_cancelled_request_leaves_no_reply_behind(mortal_redis: RedisProcess) -> None:
    app = gateway_for(mortal_redis.url, max_connections=4)
    async with client_of(app) as client:
        await client.post("/", json=["MSET", *(x for n in range(40) for x in (f"k{n}", f"v{n}"))])
        for first in range(0, 40, 8):
            mortal_redis.pause()
            doomed = [asyncio.create_task(client.get(f"/get/k{n}")) for n in range(first, first + 4)]
            await asyncio.wait(doomed, timeout=0.02)
            for call in doomed:
                call.cancel()
            await asyncio.wait(doomed)
            assert all(call.cancelled() for call in doomed)
            mortal_redis.resume()
            kept = await asyncio.gather(*(client.get(f"/get/k{n}") for n in range(first + 4, first + 8)))
            assert [r.json()["result"] for r in kept] == [f"v{n}" for n in range(first + 4, first + 8)]
    await app.close()


async def test_a_late_reply_is_never_given_to_the_next_request() -> None:
    release = asyncio.Event()

    async def respond(data: bytes, writer: asyncio.StreamWriter) -> None:
        if b"slow" in data:
            await release.wait()
        writer.write(b"$4\r\nslow\r\n" if b"slow" in data else b"$4\r\nfast\r\n")
        await writer.drain()

    async with fake_redis(respond) as (fake, url):
        app = gateway_for(url, timeout_s=0.2)
        async with client_of(app) as client:
            assert (await client.get("/get/slow")).status_code == 504
            release.set()
            assert (await client.get("/get/other")).json() == {"result": "fast"}
            assert fake.connections == 2
        await app.close()


@pytest.mark.parametrize("path", ["/", "/pipeline", "/multi-exec"])
async def test_a_command_is_sent_once_even_if_the_connection_breaks(path: str) -> None:
    async def respond(data: bytes, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with fake_redis(respond) as (fake, url):
        app = gateway_for(url)
        async with client_of(app) as client:
            body = '["INCR","n"]' if path == "/" else '[["INCR","n"]]'
            assert (await client.post(path, content=body)).status_code == 502
        assert b"".join(fake.received).count(b"INCR") == 1
        await app.close()


@pytest.mark.parametrize(
    "reply",
    [b"?what\r\n", b"$-5\r\n", b":1\r\n:2\r\n", b"*2\r\n:1\r\n", b"+half"],
    ids=["no RESP", "bad length", "one reply too many", "half an array", "half a line"],
)
async def test_a_redis_that_lies_cannot_poison_the_next_request(reply: bytes) -> None:
    lies = True

    async def respond(data: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(reply if lies else b"+TRUTH\r\n")
        await writer.drain()

    async with fake_redis(respond) as (_, url):
        app = gateway_for(url, timeout_s=0.2)
        async with client_of(app) as client:
            first = await client.get("/get/a")
            assert (first.status_code, next(iter(first.json()))) in (
                (502, "error"),
                (504, "error"),
                (200, "result"),
            )
            lies = False
            assert (await client.get("/get/b")).json() == {"result": "TRUTH"}
        await app.close()


async def test_words_out_of_turn_end_an_idle_connection() -> None:
    writers: list[asyncio.StreamWriter] = []

    async def respond(data: bytes, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        writer.write(b"+ASKED\r\n")
        await writer.drain()

    async with fake_redis(respond) as (fake, url):
        app = gateway_for(url)
        async with client_of(app) as client:
            assert (await client.get("/get/a")).json() == {"result": "ASKED"}
            writers[0].write(b"+UNASKED\r\n")
            await fake.hung_up.wait()
            assert (await client.get("/get/b")).json() == {"result": "ASKED"}
            assert fake.connections == 2
        await app.close()


async def test_connections_are_kept_and_never_more_than_allowed() -> None:
    open_calls = peak = 0

    async def respond(data: bytes, writer: asyncio.StreamWriter) -> None:
        nonlocal open_calls, peak
        open_calls += 1
        peak = max(peak, open_calls)
        await asyncio.sleep(0)
        open_calls -= 1
        writer.write(b"+OK\r\n")
        await writer.drain()

    async with fake_redis(respond) as (fake, url):
        app = gateway_for(url, max_connections=3)
        async with client_of(app) as client:
            for _ in range(5):
                await asyncio.gather(*(client.get("/ping") for _ in range(20)))
        assert fake.connections == 3
        assert peak <= 3
        await app.close()


async def test_the_url_gives_password_user_and_database() -> None:
    async def respond(data: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"+OK\r\n" * data.count(b"*"))
        await writer.drain()

    async with fake_redis(respond) as (fake, url):
        app = gateway_for(url.replace("redis://", "redis://us%20er:p%40ss@") + "/3")
        async with client_of(app) as client:
            assert (await client.get("/ping")).status_code == 200
            assert (await client.get("/ping")).status_code == 200
        sent = b"".join(fake.received)
        assert sent.count(b"AUTH") == sent.count(b"SELECT") == 1
        assert b"$4\r\nAUTH\r\n$5\r\nus er\r\n$4\r\np@ss\r\n" in sent
        assert b"$6\r\nSELECT\r\n$1\r\n3\r\n" in sent
        await app.close()


async def test_a_wrong_password_is_503_with_the_reason(tmp_path_factory: pytest.TempPathFactory) -> None:
    redis_process = RedisProcess(tmp_path_factory.mktemp("redis"), "--requirepass", "right")
    try:
        app = gateway_for(redis_process.url.replace("redis://", "redis://:wrong@"))
        async with client_of(app) as client:
            for path in ("/ping", "/subscribe/a"):
                response = await client.post(path)
                assert response.status_code == 503
                assert "WRONGPASS" in response.json()["error"]
        await app.close()
        app = gateway_for(redis_process.url.replace("redis://", "redis://:right@"))
        async with client_of(app) as client:
            assert await answers(client)
        await app.close()
    finally:
        redis_process.kill()


@pytest.mark.parametrize("path", ["/ping", "/subscribe/a"])
async def test_a_connection_that_was_not_let_in_is_closed(path: str) -> None:
    async def respond(data: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"-WRONGPASS no\r\n" * data.count(b"*"))
        await writer.drain()

    async with fake_redis(respond) as (fake, url):
        app = gateway_for(url.replace("redis://", "redis://:wrong@"))
        async with client_of(app) as client:
            assert (await client.post(path)).status_code == 503
        await fake.hung_up.wait()
        await app.close()


@pytest.mark.parametrize("url", ["", "localhost:6379", "http://localhost:6379", "redis://", "redis://h:port"])
def test_a_malformed_url_is_refused_at_once(url: str) -> None:
    with pytest.raises(ValueError, match=r"Redis URL|[Pp]ort"):
        create_gateway(url, TOKEN)


@pytest.mark.parametrize("tokens", [("", None), ("x", "")])
def test_an_empty_token_is_refused_at_once(tokens: tuple[str, str | None]) -> None:
    with pytest.raises(ValueError, match="must not be empty"):
        create_gateway("redis://localhost", tokens[0], read_only_token=tokens[1])

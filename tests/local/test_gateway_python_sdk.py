"""The real Python SDK of Upstash, with its defaults, against the gateway."""

import hashlib
from collections.abc import AsyncIterator

import pytest
import upstash_redis
from upstash_redis.asyncio import Redis
from upstash_redis.errors import UpstashError

from tests.local.conftest import READ_ONLY_TOKEN, TOKEN

SCRIPT = "return {KEYS[1], ARGV[1], redis.call('INCR', KEYS[1]), {'OK', false}}"
SHA = hashlib.sha1(SCRIPT.encode()).hexdigest()


@pytest.fixture(params=["base64", None])
async def sdk(gateway_url: str, request: pytest.FixtureRequest) -> AsyncIterator[Redis]:
    async with Redis(gateway_url, TOKEN, rest_encoding=request.param, rest_retries=0) as client:
        yield client


@pytest.mark.parametrize("value", ["v", "", "OK", "T0s=", "ümlaut 😀", "a\x00b", '{"json": true}', "1.50"])
async def test_set_and_get(sdk: Redis, key: str, value: str) -> None:
    assert await sdk.set(key, value, ex=100)
    assert await sdk.get(key) == value
    assert await sdk.mget(key, key + "absent") == [value, None]


@pytest.mark.parametrize(
    ("value", "stored"), [(1, "1"), (1.5, "1.5"), (10**20, str(10**20)), ({"a": 1}, '{"a": 1}')]
)
async def test_values_that_are_no_strings(sdk: Redis, key: str, value: object, stored: str) -> None:
    await sdk.set(key, value)  # type: ignore[arg-type]
    assert await sdk.get(key) == stored


async def test_structures(sdk: Redis, key: str) -> None:
    await sdk.hset(f"{key}h", values={"a": "1", "OK": "OK"})
    assert await sdk.hgetall(f"{key}h") == {"a": "1", "OK": "OK"}
    await sdk.zadd(f"{key}z", {"a": 1, "b": 2.5})
    assert await sdk.zrange(f"{key}z", 0, -1, withscores=True) == [("a", 1.0), ("b", 2.5)]
    await sdk.xadd(f"{key}x", "*", {"f": "v"})
    assert [entry[1] for entry in await sdk.xrange(f"{key}x", "-", "+")] == [["f", "v"]]
    assert await sdk.scan(0, match=f"{key}*", count=1000)


async def test_eval_and_evalsha(sdk: Redis, key: str) -> None:
    await sdk.script_flush()
    with pytest.raises(UpstashError, match=r"^NOSCRIPT"):
        await sdk.evalsha(SHA, [key], ["a"])
    assert await sdk.eval(SCRIPT, [key], ["a"]) == [key, "a", 1, ["OK", None]]
    assert await sdk.evalsha(SHA, [key], ["b"]) == [key, "b", 2, ["OK", None]]


async def test_pipeline(sdk: Redis, key: str) -> None:
    pipeline = sdk.pipeline()
    pipeline.set(key, 1).incr(key).get(key)
    assert await pipeline.exec() == [True, 2, "2"]
    pipeline.set(key, "x").incr(key)
    with pytest.raises(UpstashError, match="not an integer"):
        await pipeline.exec()


async def test_multi(sdk: Redis, key: str) -> None:
    transaction = sdk.multi()
    transaction.set(key, 1).incr(key).get(key)
    assert await transaction.exec() == [True, 2, "2"]


async def test_errors_reach_the_caller_as_text(sdk: Redis, gateway_url: str, key: str) -> None:
    with pytest.raises(UpstashError, match=r"^ERR Command is not available: 'BLPOP'"):
        await sdk.execute(["BLPOP", key, 0])
    async with Redis(gateway_url, "wrong", rest_retries=0) as stranger:
        with pytest.raises(UpstashError, match=r"^WRONGPASS"):
            await stranger.get(key)
    async with Redis(gateway_url, READ_ONLY_TOKEN, rest_retries=0) as reader:
        assert await reader.get(key) is None
        with pytest.raises(UpstashError, match=r"^NOPERM"):
            await reader.set(key, "v")


async def test_the_sync_token_reaches_the_client(sdk: Redis, key: str) -> None:
    await sdk.get(key)
    before = sdk._sync_token
    await sdk.eval(SCRIPT, [key], ["a"])
    assert before
    assert sdk._sync_token != before


def test_the_blocking_client(gateway_url: str, key: str) -> None:
    with upstash_redis.Redis(gateway_url, TOKEN, rest_retries=0) as client:
        assert client.set(key, "v")
        assert client.get(key) == "v"

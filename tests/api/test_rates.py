"""How fast a key may submit, as clients see it; and what a limited submission costs."""

from __future__ import annotations

from typing import Any

import pytest
import redis

from api.security.keys import digest_of
from tests.api.conftest import AppFactory
from tests.api.support import MAIL, Client, is_problem
from tests.support.gateway import TOKEN, GatewayProcess


def entry(name: str, role: str, tail: str = "") -> str:
    return f"{name}:{role}:{digest_of(name.encode())}{tail}"


KEYS = ",".join(
    [entry("slow", "submit", "::2/h"), entry("usual", "submit"), entry("ops", "admin", "::5000/s")]
)


@pytest.fixture(params=["tcp", "rest"])
def app(request: pytest.FixtureRequest, make_app: AppFactory) -> Any:
    where = {}
    if request.param == "rest":
        gateway: GatewayProcess = request.getfixturevalue("gateway")
        where = {"upstash_redis_rest_url": gateway.url, "upstash_redis_rest_token": TOKEN}
    return make_app(api_keys=KEYS, api_rate_limit="3/h", **where)


async def test_a_key_that_submits_too_fast_is_told_when_to_come_back(app: Any) -> None:
    async with Client(app, key="slow") as slow:
        first = await slow.submit()
        assert first.status_code == 202
        assert first.headers["ratelimit-policy"] == '"default";q=2;w=3600'
        assert first.headers["ratelimit"] == '"default";r=1;t=0'
        assert (await slow.submit()).headers["ratelimit"] == '"default";r=0;t=0'
        refused = await slow.submit()
        assert is_problem(refused, 429)
        assert refused.json()["type"] == "/api/problems/rate-limited"
        assert 1790 < int(refused.headers["retry-after"]) <= 1800
        assert refused.headers["ratelimit"] == f'"default";r=0;t={refused.headers["retry-after"]}'
        assert is_problem(await slow.post("/api/tasks/batch", json={"tasks": [MAIL]}), 429)
        task = await slow.get(first.headers["location"])
        assert task.status_code == 200
        assert "ratelimit" not in task.headers


async def test_each_key_has_its_own_allowance(app: Any) -> None:
    async with Client(app, key="usual") as usual, Client(app, key="ops") as ops:
        for left in ("2", "1", "0"):
            assert f"r={left};" in (await usual.submit()).headers["ratelimit"]
        assert is_problem(await usual.submit(), 429)
        assert (await ops.submit()).headers["ratelimit-policy"] == '"default";q=5000;w=1'
        assert (await ops.get("/api/overview")).json()["counts"]["pending"] == 4


async def test_what_is_refused_otherwise_takes_nothing(app: Any) -> None:
    async with Client(app, key="slow") as slow:
        for _ in range(3):
            assert is_problem(await slow.submit(priority=11), 422)
        assert (await slow.submit()).headers["ratelimit"].startswith('"default";r=1')


async def test_a_repeat_by_idempotency_key_is_answered_at_the_limit(app: Any) -> None:
    async with Client(app, key="slow") as slow:
        first = await slow.submit(idempotency_key="k")
        await slow.submit()
        assert is_problem(await slow.submit(), 429)
        assert (await slow.submit(idempotency_key="k")).json() == first.json()


async def test_without_a_limit_nothing_is_said(tcp_api: Client) -> None:
    assert "ratelimit-policy" not in (await tcp_api.submit()).headers


async def test_a_wrong_limit_is_told(make_app: AppFactory) -> None:
    async with Client(make_app(api_rate_limit="fast")) as client:
        assert is_problem(await client.get("/api/overview"), 503, "API_RATE_LIMIT")


async def test_the_price_of_a_limited_submission(app: Any, store: redis.Redis) -> None:
    """With an idempotency key, a limit and its event: by the header, and by what the server counts."""
    async with Client(app, key="ops") as ops:
        await ops.submit()  # loads the script and the task types
        for name, fields in [("under load", {}), ("again under load", {})]:
            store.config_resetstat()
            answer = await ops.submit(idempotency_key=name, **fields)
            told = int(answer.headers["x-redis-calls"])
            stats = store.info("commandstats")
            counted = sum(
                one["calls"]
                for key, one in stats.items()
                if key not in ("cmdstat_info", "cmdstat_config|resetstat")
            )
            print(f"\n| submit with key, limit and event, {name} | {told} | budget 8 |", end="")
            assert told == counted
            assert told <= 8


async def test_the_price_into_an_empty_queue(app: Any) -> None:
    async with Client(app, key="usual") as usual:
        await usual.submit(queue="one")
        answer = await usual.submit(queue="two", idempotency_key="k")
        # The allowance is in use and the queue was empty, so its workers are woken: one call more.
        print(f"\n| the same, the queue empty and the allowance in use | {answer.headers['x-redis-calls']} |")
        assert int(answer.headers["x-redis-calls"]) <= 9

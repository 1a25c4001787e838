"""Bodies that nobody would send: never a 5xx, never anything half stored.

FUZZ_EXAMPLES says how many bodies; the short run of every day is its default.
"""

from __future__ import annotations

import asyncio
import functools
import json
import os
from collections import Counter
from typing import Any

import pytest
import redis
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.bodies import (
    BulkCancel,
    BulkRequeue,
    DeadFilter,
    Drain,
    GroupStep,
    KeyLimits,
    Pause,
    Purge,
    QueueLimits,
    Requeue,
    SchedulePreview,
    SignIn,
    TaskChange,
)
from shared.models import ScheduleSpec, TaskSubmission
from shared.queue import TaskQueue
from tests.api.conftest import AppFactory
from tests.api.support import DAILY, MAIL, RawAnswer, ask_raw
from tests.api.test_secrets import LOGIN, publish
from tests.support.factories import ending, registered

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "300"))
pytestmark = pytest.mark.timeout(max(60, EXAMPLES // 10))

_WORDS = ["", "default", "2026-12-01T08:00:00Z", "9999-12-31T23:59:59+14:00", "* * * * *", "Europe/Berlin"]
_HARMFUL = ["\x00", "\ud800", "a" * 300, "__proto__", "%s%n", "{{7*7}}", "\n", "' OR 1=1", "../../etc/passwd"]
_OURS = ["**********", "!a:AAAA", "@"]  # what stands for a secret, an encrypted body, a body stored apart
_text = st.text(max_size=20) | st.sampled_from(_WORDS) | st.sampled_from(_HARMFUL) | st.sampled_from(_OURS)
_number = (
    st.integers(-(2**80), 2**80)
    | st.floats()
    | st.sampled_from([0, -0.0, 1, 10, 11, 1e308, 2**53 + 1, 86_400, 366 * 86_400])
)
_scalar = st.none() | st.booleans() | _number | _text
_any = st.recursive(
    _scalar,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_text, inner, max_size=4),
    max_leaves=12,
)
_good = {
    "task_type": st.sampled_from(["email", "login"]),
    "payload": st.sampled_from([{}, MAIL["payload"], LOGIN]) | st.dictionaries(_text, _any, max_size=4),
    "priority": st.integers(1, 10),
    "queue": st.sampled_from(["default", "mail"]),
    "delay_seconds": st.floats(0, 1e6),
    "run_at": st.just("2026-12-01T08:00:00Z"),
    "max_retries": st.integers(0, 100),
    "idempotency_key": st.sampled_from(["a", "b", "c"]),
    "unique_key": st.sampled_from(["a", "b"]),
    "on_conflict": st.sampled_from(["reject", "existing", "replace"]),
    "retry": st.just({"initial_seconds": 1}),
    "cron": st.sampled_from(["0 9 * * 1-5", "0 0 30 2 *"]),
    "interval_seconds": st.floats(1, 1e6),
    "zone": st.sampled_from(["UTC", "Europe/Berlin"]),
    "metadata": st.just({"order": 17}),
    "task": st.just(MAIL),
    "reason": st.just("why"),
    "key": st.just("no-such-key"),
    "limit_key": st.sampled_from(["a", "b"]),
    "fair_key": st.sampled_from(["a", "b"]),
    "debounce": st.just({"seconds": 60}),
    "throttle_seconds": st.just(60),
    "concurrency": st.integers(0, 100),
    "rate": st.just({"limit": 10, "period_seconds": 1}),
    "per_key": st.just({"concurrency": 2}),
    "fingerprint": st.sampled_from(["abc", "none"]),
    "per_second": st.sampled_from([1, 20]),
    "scheduled": st.booleans(),
}


def _right(model: Any, *required: str, without: str = "") -> st.SearchStrategy[Any]:
    """Objects that keep all rules of a model."""
    fields = {
        name: _good[name] for name in model.model_fields if name in _good and name not in without.split()
    }
    return st.fixed_dictionaries({name: fields.pop(name) for name in required}, optional=fields)


def _object(model: Any, right: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """What keeps all rules of a model, the same with a few wild fields, and what is wild altogether."""
    names = list(model.model_fields)
    wild = st.dictionaries(st.sampled_from([*names, "stranger"]), _any, max_size=3) if names else st.just({})
    strange = st.dictionaries(_text, _any, max_size=2)
    mixed = st.builds(lambda body, more: {**body, **more}, right, wild | strange)
    return st.one_of(right, right, mixed, wild)


_task = _right(
    TaskSubmission, "task_type", "payload", without="delay_seconds on_conflict debounce throttle_seconds"
)
_unique = st.builds(
    lambda body, how: {**body, "unique_key": "a", "on_conflict": how}, _task, _good["on_conflict"]
)
_debounced = st.builds(
    lambda body: {**body, "unique_key": "a", "debounce": {"seconds": 60}},
    _right(
        TaskSubmission,
        "task_type",
        "payload",
        without="delay_seconds run_at on_conflict debounce throttle_seconds idempotency_key",
    ),
)
_throttled = st.builds(lambda body: {**body, "unique_key": "b", "throttle_seconds": 60}, _task)
_submission = _object(TaskSubmission, _task | _unique | _debounced | _throttled)
_batch = st.fixed_dictionaries({"tasks": st.lists(_task, max_size=5) | st.lists(_submission, max_size=5)})
_schedule = st.builds(
    lambda body, wait: (
        {**DAILY, **body} if wait is None else {**body, "task": MAIL, "interval_seconds": wait}
    ),
    _right(ScheduleSpec, without="interval_seconds task"),
    st.none() | st.just(60),
)
_bodies: dict[str, st.SearchStrategy[Any]] = {
    "POST /api/tasks": _submission,
    "POST /api/tasks/batch": _batch,
    "PATCH /api/tasks/{task_id}": _object(TaskChange, _right(TaskChange, without="run_at")),
    "POST /api/tasks/{task_id}/requeue": _object(Requeue, _right(Requeue)),
    "POST /api/queues/{name}/pause": _object(Pause, _right(Pause)),
    "POST /api/schedules/{schedule_id}/pause": _object(Pause, _right(Pause)),
    "POST /api/workers/{name}/drain": _object(Drain, _right(Drain)),
    "POST /api/dead-letters/groups/{fingerprint}/requeue": _object(GroupStep, _right(GroupStep)),
    "POST /api/schedules/preview": _object(
        SchedulePreview, _right(SchedulePreview, without="interval_seconds")
    ),
    "PUT /api/schedules/{schedule_id}": _object(ScheduleSpec, _schedule),
    "POST /api/queues/{name}/purge": _object(Purge, _right(Purge)),
    "POST /api/tasks/cancel": _object(BulkCancel, _right(BulkCancel)),
    "POST /api/dead-letters/requeue": _object(BulkRequeue, _right(BulkRequeue)),
    "POST /api/dead-letters/delete": _object(DeadFilter, _right(DeadFilter)),
    "PUT /api/queues/{name}/limits": _object(QueueLimits, _right(QueueLimits)),
    "PUT /api/queues/{name}/limits/{key}": _object(KeyLimits, _right(KeyLimits)),
    "POST /api/session": _object(SignIn, _right(SignIn, "key")),
}


def _encoded(value: Any) -> bytes:
    """JSON, or what looks like it: NaN, lone surrogates, infinite numbers are left in."""
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")


def _raw(body: st.SearchStrategy[Any]) -> st.SearchStrategy[bytes]:
    good = st.one_of(body, body, body, _any).map(_encoded)
    cut = st.builds(lambda raw, at: raw[: int(at * len(raw))], good, st.floats(0, 1))
    mixed = st.builds(
        lambda raw, more, at: raw[: int(at * len(raw))] + more + raw[int(at * len(raw)) :],
        good,
        st.binary(max_size=4),
        st.floats(0, 1),
    )
    deep = st.integers(1, 3_000).map(lambda n: b'{"payload":' + b"[" * n + b"]" * n + b"}")
    return st.one_of(good, good, good, good, good, cut, mixed, st.binary(max_size=40), deep)


_types = st.sampled_from(
    [b"application/json"] * 8 + [b"application/json; charset=utf-8", b"text/plain", b"", b"\xff"]
)
_keys = st.none() | st.none() | st.binary(max_size=20) | st.sampled_from([b"a", b"b"])


@st.composite
def requests(draw: st.DrawFn) -> tuple[str, bytes, list[tuple[bytes, bytes]]]:
    route = draw(st.sampled_from(sorted(_bodies)))
    raw = draw(_raw(_bodies[route]))
    headers = [(b"content-type", draw(_types))]
    key = draw(_keys)
    if key is not None and "tasks" in route:
        headers.append((b"idempotency-key", key))
    if draw(st.booleans()):
        headers.append((b"content-length", b"%d" % len(raw)))
    return route, raw, headers


@pytest.fixture(params=["tcp"] if EXAMPLES > 10_000 else ["tcp", "rest"])
def app(request: pytest.FixtureRequest, make_app: AppFactory) -> FastAPI:
    if request.param == "tcp":
        return make_app()
    gateway = request.getfixturevalue("gateway")
    return make_app(upstash_redis_rest_url=gateway.url, upstash_redis_rest_token="token-of-the-tests")


@pytest.fixture
async def places(app: FastAPI, engine: TaskQueue) -> dict[str, list[str]]:
    """What stands in paths: things that exist, and things that do not."""
    await publish(engine)
    state = await registered(engine, types=("email",))
    await ask(app, "POST /api/tasks", _encoded(MAIL))
    [claim] = (await engine.exchange(state, free=1)).claims
    await engine.exchange(state, [ending(claim, "x")._replace(group="abc")], free=0)
    waits = await ask(
        app, "POST /api/tasks", _encoded({"task_type": "login", "payload": LOGIN, "delay_seconds": 9e6})
    )
    return {
        "task_id": [claim.id, waits.json["id"], "0" * 27, "\ud800"],
        "name": ["default", state.name, "none", "a b", "x" * 80],
        "fingerprint": ["abc", "none", "(", "a:b"],
        "key": ["a", "b c", "x" * 300],
        "schedule_id": ["daily", "a", "", "x y", "\x00"],
    }


async def ask(
    app: FastAPI, route: str, raw: bytes, headers: Any = ((b"content-type", b"application/json"),)
) -> RawAnswer:
    method, path = route.split(" ", 1)
    return await ask_raw(app, method, path, headers=headers, chunks=[raw])


async def test_no_body_breaks_anything(
    app: FastAPI, places: dict[str, list[str]], store: redis.Redis
) -> None:
    await ask_raw(app, "GET", "/api/stats/cost")  # what is spent is saved now and then, under one key
    seen: Counter[str] = Counter()
    turn = 0

    @given(request=requests())
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        suppress_health_check=[
            HealthCheck.too_slow,
            HealthCheck.data_too_large,
            HealthCheck.large_base_example,
        ],
    )
    async def try_one(request: tuple[str, bytes, list[tuple[bytes, bytes]]]) -> None:
        nonlocal turn
        turn += 1
        route, raw, headers = request
        for name, values in places.items():
            route = route.replace(f"{{{name}}}", values[turn % len(values)])
        before = store.dbsize()
        answer = await ask(app, route, raw, headers)
        where = f"{route} {raw[:2000]!r} {headers}: {answer.status} {answer.body[:2000]!r}"
        assert answer.status < 500, where
        seen[f"{request[0]} {answer.status // 100}xx"] += 1
        if answer.status >= 400:
            assert answer.headers[b"content-type"] == b"application/problem+json", where
            assert {"type", "title", "status", "detail", "request_id"} <= set(answer.json), where
            assert store.dbsize() <= before, f"something was stored: {where}"
        elif request[0] in ("POST /api/tasks", "POST /api/tasks/batch"):
            await _is_stored(app, answer, where)

    # The loop of this test runs the examples, too: the application's connections belong to it.
    await _in_this_loop(try_one)
    print("\n" + "\n".join(f"{seen[name]:>7} {name}" for name in sorted(seen)))
    assert sum(seen.values()) >= EXAMPLES
    assert sum(count for name, count in seen.items() if name.endswith("2xx")) > EXAMPLES / 50


async def _is_stored(app: FastAPI, answer: RawAnswer, where: str) -> None:
    """What was answered with 202 can be read, whole."""
    for item in answer.json.get("tasks", [answer.json]):
        read = await ask_raw(app, "GET", f"/api/tasks/{item['id']}")
        # The task of a throttled call may have been removed since, while its window lasts.
        assert read.status == 200 or "deduplicated" in item, where


async def _in_this_loop(example: Any) -> None:
    """Run a hypothesis test of coroutines in a thread whose examples run in this loop."""
    loop = asyncio.get_running_loop()
    inner = example.hypothesis.inner_test

    @functools.wraps(inner)
    def run(*args: Any, **named: Any) -> None:
        asyncio.run_coroutine_threadsafe(inner(*args, **named), loop).result()

    example.hypothesis.inner_test = run
    await asyncio.to_thread(example)


def test_the_bodies_reach_every_route_that_takes_one(make_app: AppFactory) -> None:
    document = make_app().openapi()
    documented = {
        f"{method.upper()} {path}"
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        if "requestBody" in operation
    }
    assert documented == set(_bodies)

"""The stream of events and its polling twin: nothing twice, nothing missed in silence."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
import redis

from api.live.pace import Pace
from shared.queue import TaskQueue
from tests.api.conftest import AppFactory
from tests.api.live import EventSource, serving
from tests.api.support import Client, is_problem
from tests.support.factories import ending, registered, tasks
from tests.support.gateway import TOKEN, GatewayProcess
from tests.support.server import Server
from tests.support.waiting import wait_until

EVENTS = "{test:0}:events"


@pytest.fixture(params=["tcp", "rest"])
def where(request: pytest.FixtureRequest) -> dict[str, str]:
    """Settings of the transport."""
    if request.param == "tcp":
        return {}
    gateway: GatewayProcess = request.getfixturevalue("gateway")
    return {"upstash_redis_rest_url": gateway.url, "upstash_redis_rest_token": TOKEN}


@pytest.fixture
async def live(
    make_app: AppFactory, where: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a real server, over either transport; what is looked at by the clock is looked at often."""
    monkeypatch.setattr("api.live.pace.FAST", Pace(0.02, 0.02, 0.02, 0.02))
    app = make_app(**where)
    async with serving(app) as url, httpx.AsyncClient(base_url=url, timeout=30) as client:
        client.app = app  # type: ignore[attr-defined]
        yield client


def _hub(client: httpx.AsyncClient):
    return next(iter(client.app.state.runtime._hubs.values()))  # type: ignore[attr-defined]


async def test_changes_arrive(live: httpx.AsyncClient, engine: TaskQueue) -> None:
    source = EventSource(live)
    stream = source.connect()
    ready = await anext(stream)
    assert ready.name == "ready"
    assert ready.id == ready.data["cursor"] == "0-0"
    [submitted] = await engine.submit(tasks(1, queue="mail"))
    change = await anext(stream)
    assert change.name == "message"
    assert change.data["counts"] == {"mail": {"pending": 1}}
    assert change.data["tasks"] == [{"id": submitted.id, "status": "pending"}]
    assert change.data["omitted"] == 0
    assert change.id == change.data["id"] == source.last_id
    await engine.cancel(submitted.id)
    assert (await anext(stream)).data["counts"] == {"mail": {"cancelled": 1}}
    await stream.aclose()
    assert source.headers is not None
    assert source.headers["content-type"].startswith("text/event-stream")
    assert source.headers["cache-control"] == "no-cache, no-transform"
    assert source.headers["x-accel-buffering"] == "no"
    assert "content-encoding" not in source.headers
    assert "content-length" not in source.headers


async def test_a_browser_that_comes_back_gets_what_it_missed(
    live: httpx.AsyncClient, engine: TaskQueue
) -> None:
    await engine.submit(tasks(1))
    source = EventSource(live)
    stream = source.connect()
    await anext(stream)
    await stream.aclose()
    ids = [(await engine.submit(tasks(1)))[0].id for _ in range(5)]
    seen = await source.take(5)
    assert [one.data["tasks"][0]["id"] for one in seen] == ids


async def test_a_long_absence_is_caught_up_in_pages(live: httpx.AsyncClient, store: redis.Redis) -> None:
    """More than the hub remembers, while it is cold and while another viewer keeps it going."""
    first = store.xadd(EVENTS, {"c": "q:P:1", "i": ""})
    ids = [store.xadd(EVENTS, {"c": "q:P:1", "i": ""}) for _ in range(2_500)]
    assert [one.id for one in await EventSource(live, last_id=first).take(2_500)] == ids
    other = EventSource(live).connect()
    await anext(other)
    assert [one.id for one in await EventSource(live, last_id=ids[5]).take(2_494)] == ids[6:]
    await other.aclose()


@pytest.mark.parametrize("last_id", ["1-1", "9999999999999-0", "nonsense", "0-0-0"])
async def test_a_cursor_that_nobody_has_is_reset(
    live: httpx.AsyncClient, engine: TaskQueue, store: redis.Redis, last_id: str
) -> None:
    await engine.submit(tasks(1))
    newest = store.xrevrange(EVENTS, count=1)[0][0]
    source = EventSource(live, last_id=last_id)
    [reset] = await source.take(1)
    assert reset.name == "reset"
    assert reset.data == {"cursor": newest}
    assert source.last_id == newest


async def test_a_gap_is_told(live: httpx.AsyncClient, store: redis.Redis) -> None:
    ids = [store.xadd(EVENTS, {"c": "q:P:1", "i": ""}) for _ in range(10)]
    store.xtrim(EVENTS, minid=ids[5], approximate=False)
    [reset] = await EventSource(live, last_id=ids[2]).take(1)
    assert (reset.name, reset.data["cursor"]) == ("reset", ids[9])
    [following] = await EventSource(live, last_id=ids[8]).take(1)
    assert following.id == ids[9]


async def test_filters(live: httpx.AsyncClient, engine: TaskQueue, store: redis.Redis) -> None:
    state = await registered(engine, "a", "b")
    [one], [other] = await engine.submit(tasks(1, queue="a")), await engine.submit(tasks(1, queue="b"))
    claims = (await engine.exchange(state, free=10)).claims
    await engine.exchange(state, [ending(claim) for claim in claims], free=0)
    await engine.submit(tasks(30, queue="b"))

    async def seen(query: str) -> list[tuple[object, list[str], int]]:
        answer = (await live.get(f"/api/events/poll?after=0-0&{query}")).json()
        assert not answer["reset"]
        return [
            (event["counts"], [task["id"] for task in event["tasks"]], event["omitted"])
            for event in answer["events"]
        ]

    assert len(await seen("")) == 5
    assert await seen("queue=a") == [
        ({"a": {"pending": 1}}, [one.id], 0),
        ({"a": {"running": 1}}, [], 1),  # of both queues: whose the named tasks are is not told
        ({"a": {"completed": 1}}, [], 1),
    ]
    of_task = await seen(f"task={other.id}")
    assert [ids for _, ids, _ in of_task] == [[other.id], [other.id], [other.id], []]
    assert of_task[3][2] == 10  # it may be among them
    assert await seen("queue=none") == []


async def test_a_filtered_stream_moves_its_cursor(
    live: httpx.AsyncClient, engine: TaskQueue, store: redis.Redis
) -> None:
    """Or a quiet queue's viewer would come back with a cursor that is not kept any more."""
    source = EventSource(live, "?queue=mail")
    stream = source.connect()
    await anext(stream)
    await engine.submit(tasks(1, queue="other"))
    newest = store.xrevrange(EVENTS, count=1)[0][0]
    pending = asyncio.ensure_future(anext(stream))
    await wait_until(lambda: source.last_id == newest, describe="the id of what was filtered out")
    await engine.submit(tasks(1, queue="mail"))
    assert (await pending).data["counts"] == {"mail": {"pending": 1}}
    await stream.aclose()


async def test_it_ends_by_itself_and_is_resumed(make_app: AppFactory, engine: TaskQueue) -> None:
    app = make_app(events_stream_seconds=1)
    async with serving(app) as url, httpx.AsyncClient(base_url=url, timeout=30) as client:
        source = EventSource(client)
        assert [one.name async for one in source.connect()] == ["ready"]
        await engine.submit(tasks(1))
        assert len(await source.take(1)) == 1


async def test_keep_alive(make_app: AppFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.live.stream.KEEP_ALIVE_S", 0.05)
    async with (
        serving(make_app(events_stream_seconds=1)) as url,
        httpx.AsyncClient(base_url=url, timeout=30) as client,
    ):
        source = EventSource(client)
        assert [one.name async for one in source.connect()] == ["ready"]
    assert source.comments >= 3


async def test_one_reader_that_lives_as_long_as_its_viewers(
    live: httpx.AsyncClient, engine: TaskQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.live.hub.BLOCK_MS", 200)
    streams = [EventSource(live).connect() for _ in range(10)]
    for stream in streams:
        await anext(stream)
    hub = _hub(live)
    assert hub.is_reading
    reader = hub._reader
    [submitted] = await engine.submit(tasks(1))
    for stream in streams:
        assert (await anext(stream)).data["tasks"][0]["id"] == submitted.id
    assert hub._reader is reader
    for stream in streams:
        await stream.aclose()
    await wait_until(lambda: not hub.is_reading, describe="the reader to end")
    assert not hub._opened


async def test_no_stream_on_lambda(make_app: AppFactory) -> None:
    from tests.api.support import ask_raw

    app = make_app()

    async def as_lambda(scope, receive, send):
        await app({**scope, "aws.event": {}}, receive, send)

    answer = await ask_raw(as_lambda, "GET", "/api/events")  # type: ignore[arg-type]
    assert answer.status == 501
    assert answer.json["type"] == "/api/problems/no-streaming"
    assert "/api/events/poll" in answer.json["detail"]
    assert (await ask_raw(as_lambda, "GET", "/api/events/poll")).status == 200  # type: ignore[arg-type]


async def test_too_many_viewers(make_app: AppFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.live.hub.MAX_VIEWERS", 1)
    async with serving(make_app()) as url, httpx.AsyncClient(base_url=url, timeout=30) as client:
        stream = EventSource(client).connect()
        await anext(stream)
        refused = await client.get("/api/events")
        assert is_problem(refused, 503)
        assert refused.headers["retry-after"] == "30"
        await stream.aclose()


async def test_polling_goes_on_from_its_cursor(api: Client, engine: TaskQueue) -> None:
    first = (await api.get("/api/events/poll")).json()
    assert first == {"events": [], "cursor": "0-0", "reset": False, "poll_after_seconds": 2.0}
    ids = [(await engine.submit(tasks(1)))[0].id for _ in range(3)]
    api.app.state.runtime._hubs.clear()  # as another instance would see it
    second = (await api.get("/api/events/poll", params={"after": first["cursor"]})).json()
    assert [event["tasks"][0]["id"] for event in second["events"]] == ids
    assert second["poll_after_seconds"] == 1.0
    third = (await api.get("/api/events/poll", params={"after": second["cursor"]})).json()
    assert third["events"] == []
    assert third["cursor"] == second["cursor"]


async def test_polling_in_pages(api: Client, store: redis.Redis) -> None:
    ids = [store.xadd(EVENTS, {"c": "q:P:1", "i": ""}) for _ in range(1_200)]
    cursor, seen, answers = "0-0", [], 0
    while answers < 10:
        answer = (await api.get("/api/events/poll", params={"after": cursor})).json()
        answers += 1
        seen += [event["id"] for event in answer["events"]]
        cursor = answer["cursor"]
        if answer["poll_after_seconds"] > 0:
            break
    assert seen == ids
    assert answers == 3


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("after=x", "after"),
        ("after=1", "after"),
        ("after=1-1-1", "after"),
        ("after=" + "9" * 30 + "-0", "after"),
        ("after=%00", "after"),
        ("task=x", "task"),
        ("queue=a:b", "queue"),
        ("pace=quick", "pace"),
        ("limit=5", "limit"),
    ],
)
async def test_a_wrong_query_is_named(tcp_api: Client, query: str, field: str) -> None:
    assert is_problem(await tcp_api.get(f"/api/events/poll?{query}"), 422, field)


async def test_a_gap_is_told_by_polling(api: Client, store: redis.Redis) -> None:
    ids = [store.xadd(EVENTS, {"c": "q:P:1", "i": ""}) for _ in range(10)]
    store.xtrim(EVENTS, minid=ids[5], approximate=False)
    answer = (await api.get("/api/events/poll", params={"after": ids[2]})).json()
    assert answer["reset"] is True
    assert answer["events"] == []
    assert answer["cursor"] == ids[9]
    following = (await api.get("/api/events/poll", params={"after": answer["cursor"]})).json()
    assert not following["reset"]


async def _watch_with_reconnects(
    client: httpx.AsyncClient, store: redis.Redis, count: int, every_s: float
) -> str:
    """`count` events while the viewer leaves and comes back; what it saw must be all of them, or a reset is told."""
    written: list[str] = []

    async def write() -> None:
        while len(written) < count:
            with store.pipeline(transaction=False) as pipe:
                for _ in range(min(20, count - len(written))):
                    pipe.xadd(EVENTS, {"c": "q:P:1", "i": ""}, maxlen=10_000, approximate=True)
                written.extend(pipe.execute())
            await asyncio.sleep(every_s / 50)

    source = EventSource(client, last_id=store.xadd(EVENTS, {"c": "q:P:1", "i": ""}))
    seen: list[str] = []
    connects = resets = 0
    writing = asyncio.create_task(write())
    clock = asyncio.get_running_loop().time
    while not writing.done() or not seen or seen[-1] != written[-1]:
        connects += 1
        stream = source.connect()
        leave_at = clock() + every_s
        while clock() < leave_at:
            try:
                async with asyncio.timeout_at(leave_at):
                    one = await anext(stream)
            except TimeoutError:
                break
            if one.name == "reset":
                resets += 1
                seen.append(one.data["cursor"])
            elif one.name == "message":
                seen.append(one.data["id"])
        await stream.aclose()
    await writing
    assert seen == sorted(seen, key=lambda event_id: tuple(map(int, event_id.split("-"))))
    assert len(set(seen)) == len(seen)
    if not resets:
        assert seen == written
    assert set(seen) <= set(written)
    return f"{count} events, {connects} connections, {resets} resets, {len(seen)} seen"


async def test_every_event_once_in_spite_of_reconnects(live: httpx.AsyncClient, store: redis.Redis) -> None:
    print(await _watch_with_reconnects(live, store, 1_500, every_s=0.1))


@pytest.mark.chaos
async def test_ten_thousand_events_and_a_reconnect_every_second(
    live: httpx.AsyncClient, store: redis.Redis
) -> None:
    """The long form of the test above."""
    print(await _watch_with_reconnects(live, store, 10_000, every_s=1.0))


async def test_redis_goes_away_and_comes_back(make_app: AppFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stream stays open, says so, and tells of the loss: this server keeps nothing on disk."""
    monkeypatch.setattr("api.live.hub._BACKOFF_S", (0.05,))
    server = Server()
    client_of_store = redis.Redis.from_url(server.url, decode_responses=True)
    try:
        client_of_store.xadd(EVENTS, {"c": "q:P:1", "i": ""})
        app = make_app(redis_url=server.url)
        async with serving(app) as url, httpx.AsyncClient(base_url=url, timeout=30) as client:
            stream = EventSource(client).connect()
            assert (await anext(stream)).name == "ready"
            await wait_until(lambda: app.state.runtime.hub().is_reading, describe="the reader")
            server.kill()
            away = await anext(stream)
            assert away.name == "away"
            assert away.data["detail"]
            assert is_problem(await client.get("/api/events/poll"), 503)
            server.start()
            assert (await anext(stream)).name == "reset"
            assert (await anext(stream)).name == "back"
            event_id = client_of_store.xadd(EVENTS, {"c": "q:P:1", "i": ""})
            assert (await anext(stream)).id == event_id
            await stream.aclose()
    finally:
        client_of_store.close()
        server.stop()


async def test_the_server_stops_at_once(make_app: AppFactory, store: redis.Redis) -> None:
    """Streams would keep it for minutes."""
    async with httpx.AsyncClient(timeout=30) as client:
        async with serving(make_app()) as url:
            client.base_url = url  # type: ignore[assignment]
            stream = EventSource(client).connect()
            await anext(stream)
            rest = asyncio.ensure_future(_drain(stream))
        assert await rest == []


async def _drain(stream) -> list[str]:
    return [one.name async for one in stream]


async def test_a_slow_client_is_told_to_begin_anew() -> None:
    from api.live.viewer import MAX_BEHIND, Reset, Viewer
    from shared.events import Event

    viewer = Viewer(None, "0-0", False)  # type: ignore[arg-type]
    events = [Event(f"5-{n}", {}, [], 0) for n in range(MAX_BEHIND + 1)]
    viewer.push(events[:-1])
    assert len(viewer._news) == MAX_BEHIND
    viewer.push(events[-1:])
    assert list(viewer._news) == [Reset(events[-1].id)]

"""Redis away, slow, full, refusing, or answering nonsense: told within 5 s, and never as our defect."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import httpx
import pytest
import redis
import respx

from api.app import create_app
from api.deadline import DeadlineTransport
from api.sections import routes_of
from api.settings import ApiSettings
from shared.errors import StoreUnavailable
from shared.settings import RestTarget
from shared.transports.rest import RestTransport
from tests.api.conftest import AppFactory
from tests.api.support import Client, body_of, is_problem
from tests.support.faults import CuttingProxy
from tests.support.gateway import TOKEN, GatewayProcess
from tests.support.server import Server, free_port

URL = "https://redis.example.org"
PATHS = [
    ("POST", "/api/tasks"),
    ("POST", "/api/tasks/batch"),
    ("GET", "/api/tasks"),
    ("GET", f"/api/tasks/{'0' * 27}"),
    ("POST", f"/api/tasks/{'0' * 27}/cancel"),
    ("POST", f"/api/tasks/{'0' * 27}/requeue"),
    ("POST", f"/api/tasks/{'0' * 27}/run-now"),
    ("PATCH", f"/api/tasks/{'0' * 27}"),
    ("DELETE", f"/api/tasks/{'0' * 27}"),
    ("GET", "/api/dead-letters"),
    ("GET", "/api/dead-letters/groups"),
    ("POST", "/api/dead-letters/groups/abc/requeue"),
    ("POST", "/api/dead-letters/requeue"),
    ("POST", "/api/dead-letters/delete"),
    ("POST", "/api/tasks/cancel"),
    ("GET", "/api/jobs"),
    ("GET", f"/api/jobs/{'0' * 27}"),
    ("POST", f"/api/jobs/{'0' * 27}/cancel"),
    ("POST", "/api/queues/mail/purge"),
    ("GET", "/api/queues"),
    ("POST", "/api/queues/mail/pause"),
    ("POST", "/api/queues/mail/resume"),
    ("GET", "/api/schedules"),
    ("GET", "/api/schedules/daily"),
    ("PUT", "/api/schedules/daily"),
    ("DELETE", "/api/schedules/daily"),
    ("POST", "/api/schedules/daily/pause"),
    ("POST", "/api/schedules/daily/resume"),
    ("POST", "/api/schedules/daily/run"),
    ("GET", "/api/workers"),
    ("POST", "/api/workers/w-1/drain"),
    ("GET", "/api/cron/tick"),
    ("POST", "/api/audit/repair"),
    ("GET", "/api/audit/repair"),
    ("GET", "/api/task-types"),
    ("GET", "/api/client.ts"),
    ("GET", "/api/overview"),
    ("GET", f"/api/tasks/{'0' * 27}/explain"),
    ("GET", "/api/events"),
    ("GET", "/api/events/poll"),
    ("GET", "/api/metrics"),
    ("GET", "/api/ready"),
    ("GET", "/api/queues/mail/limits"),
    ("PUT", "/api/queues/mail/limits"),
    ("GET", "/api/queues/mail/limits/k"),
    ("PUT", "/api/queues/mail/limits/k"),
    ("DELETE", "/api/queues/mail/limits/k"),
    ("POST", "/api/cron/tick"),
    ("GET", "/api/audit"),
    ("GET", "/api/stats"),
    ("GET", "/api/stats/cost"),
]
SUBMITS = {("POST", "/api/tasks"), ("POST", "/api/tasks/batch")}
#: Routes that need no Redis, or (keys, sessions) answer without it here, where no keys are configured.
STORELESS = {
    ("GET", "/api/health"),
    ("GET", "/api/problems"),
    ("GET", "/api/problems/{slug}"),
    ("POST", "/api/schedules/preview"),
    ("GET", "/api/keys"),
    ("GET", "/api/settings"),
    ("GET", "/api/session"),
    ("POST", "/api/session"),
    ("DELETE", "/api/session"),
}


def test_the_table_names_every_route() -> None:
    documented = {
        (method.upper(), path)
        for path, operations in create_app(ApiSettings.model_construct()).openapi()["paths"].items()
        for method in operations
    }

    def is_named(method: str, path: str) -> bool:
        form = re.compile(re.sub(r"{[^}]*}", "[^/]+", path))
        return any(method == one and form.fullmatch(other) for one, other in PATHS)

    assert {route for route in documented if not is_named(*route)} == STORELESS


def _rest_client(router: respx.MockRouter) -> Client:
    transport = RestTransport(RestTarget(URL, "t"), http=httpx.MockTransport(router.async_handler))
    return Client(
        create_app(ApiSettings(upstash_redis_rest_url=URL, upstash_redis_rest_token="t"), transport=transport)
    )


async def _ask(client: Client, method: str, path: str) -> httpx.Response:
    body = body_of(path) if method in ("POST", "PUT", "PATCH") else None
    return await client.request(method, path, json=body)


NONSENSE = {
    "html": httpx.Response(200, html="<h1>hello</h1>"),
    "bad gateway": httpx.Response(502, html="<h1>bad gateway</h1>"),
    "empty": httpx.Response(200),
    "list": httpx.Response(200, json=[]),
    "text": httpx.Response(200, json="x"),
    "no result": httpx.Response(200, json={}),
    "null": httpx.Response(200, json={"result": None}),
    "number": httpx.Response(200, json={"result": 5}),
    "word": httpx.Response(200, json={"result": "x"}),
    "price only": httpx.Response(200, json={"result": [3]}),
    "wrong parts": httpx.Response(200, json={"result": [3, "x", {"y": 1}]}),
    "wrong five": httpx.Response(200, json={"result": [3, "x", "y", "z", "w"]}),
    "wrong words": httpx.Response(200, json={"result": ["x", "y", "z"]}),
    "not utf-8": httpx.Response(200, content=b'{"result": "\xff"}'),
    "503": httpx.Response(503),
    "500": httpx.Response(500, json={"error": "internal"}),
    "500 html": httpx.Response(500, html="<h1>oops</h1>"),
    "429": httpx.Response(429, json={"error": "too many requests"}),
    "429 html": httpx.Response(429, html="<h1>slow down</h1>"),
    "alien error": httpx.Response(400, json={"error": "ERR unknown command"}),
    "quota": httpx.Response(400, json={"error": "ERR max requests limit exceeded. Limit: 500000"}),
    "password": httpx.Response(401, json={"error": "WRONGPASS invalid or missing auth token"}),
}


@pytest.mark.parametrize("kind", NONSENSE)
async def test_nonsense_over_rest(kind: str) -> None:
    router = respx.MockRouter(assert_all_called=False)
    router.route().mock(return_value=NONSENSE[kind])
    async with _rest_client(router) as client:
        for method, path in PATHS:
            answer = await _ask(client, method, path)
            assert is_problem(answer, 503), (method, path)
            assert int(answer.headers["retry-after"]) > 0


@pytest.mark.parametrize(
    "error", [httpx.ConnectError("x"), httpx.ReadTimeout("x"), httpx.RemoteProtocolError("x")]
)
async def test_no_connection_over_rest(error: Exception) -> None:
    router = respx.MockRouter(assert_all_called=False)
    router.route().mock(side_effect=error)
    async with _rest_client(router) as client:
        for method, path in PATHS:
            answer = await _ask(client, method, path)
            assert is_problem(answer, 503)
            assert answer.json()["type"] == "/api/problems/store-unavailable"


@pytest.mark.parametrize(
    "text", ["ERR DB capacity quota exceeded", "OOM command not allowed when used memory > 'maxmemory'."]
)
async def test_a_full_redis_on_every_route(text: str) -> None:
    router = respx.MockRouter(assert_all_called=False)
    router.route().mock(return_value=httpx.Response(400, json={"error": text}))
    async with _rest_client(router) as client:
        for method, path in PATHS:
            assert is_problem(await _ask(client, method, path), 507), (method, path)


async def test_full_over_rest() -> None:
    router = respx.MockRouter(assert_all_called=False)
    router.route().mock(
        return_value=httpx.Response(
            400, json={"error": "OOM command not allowed when used memory > 'maxmemory'."}
        )
    )
    async with _rest_client(router) as client:
        answer = await client.submit()
        assert is_problem(answer, 507)
        assert answer.headers["retry-after"] == "30"


async def test_away_over_tcp(make_app: AppFactory) -> None:
    async with Client(make_app(redis_url=f"redis://127.0.0.1:{free_port()}")) as client:
        for method, path in PATHS:
            assert is_problem(await _ask(client, method, path), 503)
        assert (await client.get("/api/health")).status_code == 200


async def test_full_over_tcp() -> None:
    server = Server("--maxmemory", "3mb", "--maxmemory-policy", "noeviction")
    app = create_app(ApiSettings(redis_url=server.url))
    try:
        async with Client(app) as client:
            statuses = []
            for _ in range(60):
                answer = await client.submit(payload={"a": "x" * 100_000})
                statuses.append(answer.status_code)
                if answer.status_code != 202:
                    break
            assert is_problem(answer, 507)
            assert statuses.count(202) > 0
    finally:
        await app.state.runtime.close()
        server.stop()


async def test_it_serves_again_when_redis_is_back() -> None:
    server = Server()
    app = create_app(ApiSettings(redis_url=server.url))
    try:
        async with Client(app) as client:
            assert (await client.submit()).status_code == 202
            server.kill()
            assert is_problem(await client.submit(), 503)
            assert is_problem(await client.get("/api/ready"), 503)
            server.start()
            assert (await client.submit()).status_code == 202
            assert (await client.get("/api/ready")).status_code == 200
    finally:
        await app.state.runtime.close()
        server.stop()


@pytest.fixture
async def black_hole() -> AsyncIterator[int]:
    """A port that takes connections and never says a word."""
    is_over = asyncio.Event()

    async def swallow(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await is_over.wait()
        finally:
            writer.close()

    listener = await asyncio.start_server(swallow, "127.0.0.1", 0)
    yield listener.sockets[0].getsockname()[1]
    listener.close()
    is_over.set()


async def test_a_silent_redis_is_told_within_five_seconds(black_hole: int) -> None:
    over_tcp = create_app(ApiSettings(redis_url=f"redis://127.0.0.1:{black_hole}"))
    over_rest = create_app(
        ApiSettings(upstash_redis_rest_url=f"http://127.0.0.1:{black_hole}", upstash_redis_rest_token="t")
    )
    routes_of(over_tcp)  # imported before, as an instance that lives for a while has done
    async with Client(over_tcp) as tcp, Client(over_rest) as rest:
        begun, used = time.monotonic(), time.process_time()
        answers = await asyncio.gather(
            *(_ask(client, method, path) for client in (tcp, rest) for method, path in PATHS)
        )
        # Nobody asks for all of them at once: what this process works for the others is not counted.
        took_s = time.monotonic() - begun - (time.process_time() - used)
    for answer in answers:
        assert is_problem(answer, 503)
        assert answer.headers["retry-after"]
    assert took_s < 5
    await over_tcp.state.runtime.close()
    await over_rest.state.runtime.close()


class _OnceThenSilent:
    """A transport that answers its first call and no other."""

    answered = False

    async def command(self, *_: str) -> str:
        if self.answered:
            await asyncio.Event().wait()
        self.answered = True
        return "PONG"

    run = wait = command

    async def close(self) -> None:
        return None


async def test_all_calls_of_a_request_share_one_deadline() -> None:
    transport = DeadlineTransport(_OnceThenSilent(), budget_s=0.05)  # type: ignore[arg-type]
    assert await transport.command("PING") == "PONG"
    with pytest.raises(StoreUnavailable):
        await transport.command("PING")


def _behind(proxy: CuttingProxy, make_app: AppFactory) -> Client:
    """A client of an API that reaches its REST side through the proxy."""
    url = proxy.url.replace("redis://", "http://").removesuffix("/0")
    settings = {"upstash_redis_rest_url": url, "upstash_redis_rest_token": TOKEN}
    return Client(make_app(**settings, events_stream_seconds=1))


async def test_a_reply_that_is_lost_once_is_got_by_a_repeat(
    gateway: GatewayProcess, make_app: AppFactory, store: redis.Redis
) -> None:
    """The connection is cut after the command ran: on every route nobody notices, and nothing is done twice."""
    async with CuttingProxy(urlsplit(gateway.url).port or 0) as proxy, _behind(proxy, make_app) as client:
        submitted = 0
        for method, path in PATHS:
            proxy.cut = 1
            answer = await _ask(client, method, path)
            assert answer.status_code < 500, (method, path, answer.text)
            assert proxy.cut == 0, (method, path)
            submitted += (method, path) in SUBMITS and answer.status_code == 202
        assert submitted == 2
        # and one of a schedule by hand: the table deletes its own before
        await client.put("/api/schedules/daily", json=body_of("/api/schedules/daily"))
        proxy.cut = 1
        assert (await client.post("/api/schedules/daily/run", json={})).status_code == 202
        assert sum(1 for _ in store.scan_iter("{test:0}:t:*")) == 3


async def test_replies_that_are_always_lost_are_told_and_a_repeat_finds_the_task(
    gateway: GatewayProcess, make_app: AppFactory, store: redis.Redis
) -> None:
    """Each command runs and its reply is lost, twice: 503; with its key the submission is there once."""
    async with CuttingProxy(urlsplit(gateway.url).port or 0) as proxy, _behind(proxy, make_app) as client:
        await client.get("/api/task-types")
        proxy.cut = 1_000_000
        for method, path in PATHS:
            assert is_problem(await _ask(client, method, path), 503), (method, path)
        assert is_problem(await client.submit(idempotency_key="once"), 503)
        proxy.cut = 0
        found = await client.submit(idempotency_key="once")
        assert found.status_code == 202
        stored = [key for key in store.scan_iter("{test:0}:t:*") if key.endswith(found.json()["id"])]
        assert len(stored) == 1

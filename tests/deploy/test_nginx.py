"""The real nginx before the real API: dashboard, headers, live feeds, and an API that is down."""

from __future__ import annotations

import os
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import redis

from api.dashboard import _POLICY
from tests.deploy.nginx import START, Nginx
from tests.deploy.streaming import Feed, Viewer, feed
from tests.deploy.tls import Authority
from tests.support.queues import NAMESPACE
from tests.support.server import Server, free_port
from tests.support.waiting import wait_until

ROOT = Path(__file__).parents[2]
SCRIPT = "console.log('dtq');\n" * 200
#: What a careless configuration does: events are compressed, and collected until a block is full.
CARELESS = (
    ("application/json application", "application/json text/event-stream application"),
    ("proxy_buffering off;\n            gzip off;", "gzip on;"),
)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that nginx's own user may use when the tests run as root, and a small dashboard in it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "dist" / "assets").mkdir(parents=True)
        (folder / "dist" / "index.html").write_text("<!doctype html><title>dtq</title>")
        (folder / "dist" / "assets" / "index-1.js").write_text(SCRIPT)
        yield folder


class Api:
    """`uvicorn api.index:app` on a port that stays the same over restarts."""

    def __init__(self, redis_url: str) -> None:
        self.port = free_port()
        self._environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "REDIS_URL": redis_url,
            "DTQ_NAMESPACE": NAMESPACE,
        }
        self.start()

    def start(self) -> None:
        options = ["--port", str(self.port), "--no-proxy-headers", "--log-level", "warning"]
        command = [sys.executable, "-m", "uvicorn", "api.index:app", *options]
        self._process = subprocess.Popen(command, env=self._environment)

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(20)


@pytest.fixture(scope="module")
def api(server: Server) -> Iterator[Api]:
    running = Api(server.url)
    yield running
    running.stop()


@pytest.fixture
async def client(store: redis.Redis, api: Api, folder: Path):
    with Nginx(folder, f"127.0.0.1:{api.port}") as nginx:
        async with httpx.AsyncClient(base_url=nginx.url, trust_env=False) as client:
            await _answers(client)
            yield client
        assert nginx.is_running


async def _answers(client: httpx.AsyncClient, status: int = 200) -> httpx.Response:
    async def look() -> httpx.Response | None:
        try:
            answer = await client.get("/api/health")
        except httpx.TransportError:
            return None
        return answer if answer.status_code == status else None

    return await wait_until(
        look, describe=f"/api/health is answered with {status}", timeout_s=20, pause_s=0.05
    )


async def test_a_task_goes_through(client: httpx.AsyncClient) -> None:
    submitted = await client.post("/api/tasks", json={"task_type": "noop", "payload": {"n": 2**60}})
    assert submitted.status_code == 202, submitted.text
    task = (await client.get(submitted.headers["location"])).json()
    assert task["payload"] == {"n": 2**60}
    assert (await client.get("/api/tasks?status=pending&limit=1")).json()["tasks"][0]["id"] == task["id"]


@pytest.mark.parametrize("path", ["/", "/tasks", "/tasks/123", "/dead-letters", "/apiary"])
async def test_pages_are_the_dashboard(client: httpx.AsyncClient, path: str) -> None:
    page = await client.get(path)
    assert page.status_code == 200
    assert "<title>dtq" in page.text
    assert page.headers["cache-control"] == "no-cache"
    assert page.headers["content-security-policy"] == _POLICY
    assert page.headers["x-content-type-options"] == "nosniff"
    assert page.headers["referrer-policy"] == "no-referrer"


async def test_assets_are_compressed_and_kept(client: httpx.AsyncClient) -> None:
    asset = await client.get("/assets/index-1.js")
    assert asset.text == SCRIPT
    assert asset.headers["content-encoding"] == "gzip"
    assert asset.headers["vary"] == "Accept-Encoding"
    assert asset.headers["cache-control"] == "public, max-age=31536000, immutable"


async def test_a_missing_asset_is_no_page_and_is_not_kept(client: httpx.AsyncClient) -> None:
    missing = await client.get("/assets/gone.js")
    assert missing.status_code == 404
    assert "cache-control" not in missing.headers
    assert missing.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", ["/docs", "/api/docs", "/openapi.json", "/api/nothing", "/api"])
async def test_answers_of_the_api_keep_their_headers(client: httpx.AsyncClient, api: Api, path: str) -> None:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{api.port}", trust_env=False) as straight:
        expected = await straight.get(path)
    answer = await client.get(path)
    assert (answer.status_code, answer.text) == (
        expected.status_code,
        expected.text.replace(expected.headers["x-request-id"], answer.headers["x-request-id"]),
    )
    differing = {
        "date",
        "server",
        "x-request-id",
        "content-encoding",
        "vary",
        "connection",
        "transfer-encoding",
    }
    for name in {*expected.headers, *answer.headers} - differing - {"content-length"}:
        assert answer.headers.get_list(name) == expected.headers.get_list(name), name


async def test_what_is_too_large_is_told_by_the_api(client: httpx.AsyncClient) -> None:
    body = {"task_type": "noop", "payload": {"text": "x" * (5 * 1024 * 1024)}}
    refused = await client.post("/api/tasks", json=body)
    assert refused.status_code == 413
    assert refused.headers["content-type"] == "application/problem+json"


async def test_forged_hosts_and_origins_are_still_seen(client: httpx.AsyncClient) -> None:
    assert (await client.get("/api/ready", headers={"Host": "evil.example"})).status_code == 403
    assert (await client.get("/api/ready", headers={"Origin": "https://evil.example"})).status_code == 403


async def test_an_api_that_is_down_is_a_problem_and_comes_back(client: httpx.AsyncClient, api: Api) -> None:
    api.stop()
    down = await _answers(client, 503)
    assert down.headers["content-type"] == "application/problem+json"
    assert down.headers["retry-after"]
    assert down.json()["status"] == 503
    assert "docker compose logs api" in down.json()["detail"]
    assert (await client.get("/api/events")).status_code == 503
    assert (await client.get("/")).status_code == 200, "the dashboard itself is served all the same"
    api.start()
    await _answers(client)


async def test_with_a_certificate_it_speaks_tls_and_leads_there(
    store: redis.Redis, api: Api, folder: Path
) -> None:
    authority = Authority(folder, "authority")
    certificate, key = authority.issue("localhost")
    tls = free_port()
    variables = {"TLS_CERT": str(certificate), "TLS_KEY": str(key), "TLS_LISTEN": f"127.0.0.1:{tls}"}
    with Nginx(folder, f"127.0.0.1:{api.port}", **variables) as nginx:
        trusting = ssl.create_default_context(cafile=str(authority.file))
        address = f"https://localhost:{tls}"
        async with httpx.AsyncClient(base_url=address, verify=trusting, trust_env=False) as client:
            await _answers(client)
            page = await client.get("/tasks")
            assert page.status_code == 200
            assert page.headers["strict-transport-security"] == "max-age=31536000"
            assert page.headers["content-security-policy"] == _POLICY
            assert (await client.get("/api/ready")).json() == {"status": "ready"}
            plain = await client.get(f"{nginx.url}/tasks?status=dead", headers={"Host": "dtq.example"})
            assert plain.status_code == 308
            assert plain.headers["location"] == "https://dtq.example/tasks?status=dead"


def test_a_certificate_that_cannot_be_read_is_named(folder: Path) -> None:
    command = ["sh", str(START), "-t"]
    environment = {"PATH": os.environ["PATH"], "TLS_CERT": "/nowhere/a.pem", "TLS_KEY": "/nowhere/b.pem"}
    refused = subprocess.run(
        command,
        env={**environment, "RUN_DIR": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode == 2
    assert "nginx: /nowhere/a.pem cannot be read by user" in refused.stderr


async def test_each_event_arrives_before_the_next_is_sent(folder: Path) -> None:
    async with feed() as (upstream, port):
        with Nginx(folder, f"127.0.0.1:{port}") as nginx:
            viewer = await _viewer(nginx, upstream)
            for number in range(5):
                await upstream.send(f"event {number}")
                assert await viewer.sees(f"event {number}")
            assert "content-encoding" not in viewer.head
            viewer.close()
            await wait_until(upstream.is_left.is_set, describe="the upstream's connection is closed")
            assert "X-Forwarded-For: 127.0.0.1\r\n" in upstream.requests[-1]


async def test_events_of_the_api_arrive_while_the_feed_lives(
    client: httpx.AsyncClient, store: redis.Redis
) -> None:
    pytest.importorskip("api.routes.events", reason="this API has no live feed")
    viewer = await Viewer.of(client.base_url.port or 80, "/api/events")
    assert await viewer.sees("event: ready")
    for number in range(3):
        body = {"task_type": "noop", "payload": {"n": number}}
        task_id = (await client.post("/api/tasks", json=body)).json()["id"]
        assert await viewer.sees(task_id)
    viewer.close()


async def test_the_proof_of_streaming_can_fail(folder: Path) -> None:
    """The same feed through a careless nginx: nothing arrives while the feed lives, all when it ends."""
    async with feed() as (upstream, port):
        with Nginx(folder, f"127.0.0.1:{port}", *CARELESS) as nginx:
            viewer = await _viewer(nginx, upstream)
            await upstream.send("event 0")
            assert not await viewer.sees("event 0", within_s=1)
            await upstream.end()
            assert await viewer.sees("event 0")
            viewer.close()


async def _viewer(nginx: Nginx, upstream: Feed) -> Viewer:
    viewer = await Viewer.of(nginx.port, "/api/events")
    await wait_until(lambda: upstream.requests, describe="the request has come through")
    return viewer

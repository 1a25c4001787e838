"""A worker over several shards, over many queues, and by weights: real processes against the embedded server."""

from __future__ import annotations

import signal
from collections import Counter
from pathlib import Path
from time import monotonic

import pytest

from shared.models import TaskStatus
from shared.queue import TaskQueue
from tests.conftest import QueueFactory
from tests.support.factories import task, tasks
from tests.support.waiting import wait_until
from tests.worker_host.conftest import StartWorker

SHARDS = 4
#: one in each of four shards
QUEUES = ("q0", "q4", "q1", "q5")
COMPLETED = TaskStatus.COMPLETED


@pytest.fixture
def engine(tcp_queues: QueueFactory) -> TaskQueue:
    return tcp_queues(shards=SHARDS)


async def submit(engine: TaskQueue, kind: str, payload: dict, *queues: str, each: int = 1) -> list[str]:
    ids = []
    for name in queues or QUEUES:
        items = [task(payload, task_type=kind, queue=name) for _ in range(each)]
        ids += [item.id for item in await engine.submit(items)]
    return ids


async def all_completed(engine: TaskQueue, ids: list[str], timeout_s: float = 15) -> None:
    left = set(ids)

    async def look() -> bool:
        for task_id in list(left):
            if (await engine.get(task_id)).status is not COMPLETED:
                return False
            left.remove(task_id)
        return True

    await wait_until(look, describe=f"{len(ids)} tasks are completed", timeout_s=timeout_s, pause_s=0.02)


async def have_started(effects: Path, ids: list[str]) -> None:
    def look() -> bool:
        text = effects.read_text()
        return all(f"start {task_id}" in text for task_id in ids)

    await wait_until(look, describe="the handlers have started")


async def test_one_worker_serves_all_shards_and_sleeps_in_each(
    engine: TaskQueue, start_worker: StartWorker, store
):
    worker = await start_worker("--queues", ",".join(QUEUES), DTQ_SHARDS=str(SHARDS)).ready()

    def waits() -> int:
        return store.execute_command("CLIENT", "LIST").count("cmd=xread")

    await wait_until(lambda: waits() == SHARDS, describe="it waits in each shard")
    for _ in range(3):
        await all_completed(engine, await submit(engine, "noop", {}))
    await all_completed(engine, await submit(engine, "noop", {}, each=50))
    [seen] = (await engine.overview()).workers
    assert seen.queues == list(QUEUES)
    worker.send(signal.SIGTERM)
    assert await worker.ended() == 0
    assert (await engine.overview()).workers == []


@pytest.mark.slow
async def test_what_a_killed_worker_held_comes_back_in_every_shard(
    engine: TaskQueue, start_worker: StartWorker, effects: Path
):
    arguments = ("--queues", ",".join(QUEUES), "--concurrency", "20")
    first = await start_worker(*arguments, DTQ_SHARDS=str(SHARDS)).ready()
    ids = await submit(engine, "once_slow", {"seconds": 60}, each=5)
    await have_started(effects, ids)
    await start_worker(*arguments, DTQ_SHARDS=str(SHARDS)).ready()
    first.kill()
    killed_at = monotonic()
    await all_completed(engine, ids)
    assert monotonic() - killed_at < 2 + 1
    ends = Counter(line.split()[1] for line in effects.read_text().splitlines() if line.startswith("end "))
    assert ends == Counter(ids)


async def test_one_task_at_a_time_is_one_in_all_shards_together(
    engine: TaskQueue, start_worker: StartWorker, effects: Path
):
    ids = await submit(engine, "sleep", {"seconds": 0.02}, each=6)
    await start_worker("--queues", ",".join(QUEUES), "--concurrency", "1", DTQ_SHARDS=str(SHARDS)).ready()
    await all_completed(engine, ids)
    lines = [line.split() for line in effects.read_text().splitlines()]
    assert [kind for kind, *_ in lines] == ["start", "end"] * len(ids)
    served = [task_id[0] for kind, task_id, _ in lines if kind == "start"]
    # They take turns: nobody waits until another one's queue is empty.
    assert set(served[:8]) == {"0", "1", "2", "3"}


async def test_sigterm_hands_back_in_every_shard(engine: TaskQueue, start_worker: StartWorker, effects: Path):
    worker = await start_worker(
        "--queues", ",".join(QUEUES), DTQ_SHARDS=str(SHARDS), GRACE_SECONDS="0.2"
    ).ready()
    ids = await submit(engine, "sleep", {"seconds": 60}, each=2)
    await have_started(effects, ids)
    worker.send(signal.SIGTERM)
    assert await worker.ended() == 0
    counts = (await engine.overview()).counts
    assert (counts["pending"], counts["running"]) == (8, 0)


async def test_a_lost_lease_of_one_shard_is_one_of_one_shard(
    engine: TaskQueue, start_worker: StartWorker, effects: Path, store
):
    worker = await start_worker("--queues", ",".join(QUEUES), DTQ_SHARDS=str(SHARDS)).ready()
    ids = await submit(engine, "once_slow", {"seconds": 1.0})
    await have_started(effects, ids)
    for member in store.zrange("{test:1}:timers", 0, -1):
        store.zadd("{test:1}:timers", {member: 1}, xx=True)
    await engine.tick()
    await worker.says("registered anew")
    await all_completed(engine, ids)
    attempts = [(await engine.get(task_id)).attempt for task_id in ids]
    assert attempts == [1, 2, 1, 1]


async def test_operators_reach_it_in_every_shard(engine: TaskQueue, start_worker: StartWorker, effects: Path):
    await start_worker("--queues", ",".join(QUEUES), DTQ_SHARDS=str(SHARDS)).ready()
    ids = await submit(engine, "sleep", {"seconds": 60})
    await have_started(effects, ids)
    for task_id in ids:
        assert await engine.cancel(task_id) is TaskStatus.RUNNING

    async def cancelled() -> bool:
        return (await engine.overview()).counts["cancelled"] == SHARDS

    await wait_until(cancelled, describe="all are cancelled")
    [worker] = (await engine.overview()).workers
    await engine.drain(worker.name, by="ops")
    waiting = await submit(engine, "noop", {})
    await engine.drain(worker.name, by="ops", hold=False)
    await all_completed(engine, waiting)


async def test_another_number_of_shards_is_the_end_with_a_sentence(
    engine: TaskQueue, start_worker: StartWorker
):
    await engine.settle_shards()
    worker = start_worker(DTQ_SHARDS="2")
    assert await worker.ended() == 2
    assert "DTQ_SHARDS: is 2, but the namespace test was begun with 4" in worker.lines
    assert "Traceback" not in worker.lines
    pool = start_worker("--processes", "2", DTQ_SHARDS="2")
    assert await pool.ended() == 2


async def test_forty_queues_are_served(tcp_queues: QueueFactory, start_worker: StartWorker):
    engine = tcp_queues()
    names = [f"q{n}" for n in range(40)]
    worker = await start_worker("--queues", ",".join(names)).ready()
    for order in (names, names[::-1]):
        await all_completed(engine, await submit(engine, "noop", {}, *order))
    await all_completed(engine, await submit(engine, "noop", {}, *names, each=20))
    await engine.submit([task(task_type="noop", queue="q39", delay_seconds=0.2)])

    async def all_ended() -> bool:
        return (await engine.overview()).counts["completed"] == 40 + 40 + 800 + 1

    await wait_until(all_ended, describe="the delayed one, too, is completed")
    assert worker.process.poll() is None


async def test_weights_share_a_busy_worker(
    tcp_queues: QueueFactory, start_worker: StartWorker, effects: Path
):
    engine = tcp_queues()
    for name in ("light", "heavy"):
        await engine.submit(tasks(300, task_type="echo", queue=name))
    await start_worker("--queues", "light=1,heavy=9", "--concurrency", "1").ready()
    await wait_until(
        lambda: len(effects.read_text().splitlines()) >= 300, describe="half of all are done", pause_s=0.005
    )
    heavy = 0
    for line in effects.read_text().splitlines()[:300]:
        heavy += (await engine.get(line.split()[1])).queue == "heavy"
    assert 240 <= heavy <= 295

"""Workers of one version are replaced by the next, one at a time by SIGTERM, while tasks keep coming.

The next version knows a task type that this one does not. Nothing may be lost, no attempt wasted, and
no task may die of the difference.
"""

from __future__ import annotations

import asyncio
import random
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import redis

from shared.models import TaskStatus, TaskSubmission
from shared.queue import TaskQueue
from tests.chaos.deployment import GRACE_S, WorkerSlot
from tests.chaos.effects import read_runs
from tests.chaos.proxy import Proxy
from tests.conftest import QueueFactory
from tests.support.server import Server
from tests.support.waiting import wait_until

WORKERS = 3
#: Longer than the grace period: one that runs when its worker is told to end is handed back.
LONG_S = GRACE_S + 0.8
#: Longer still than a busy machine may take from the start of a task to the signal.
LONGEST_S = GRACE_S + 4
NOW = ["--handlers", "tests.chaos.handlers"]
NEXT = [*NOW, "--handlers", "tests.chaos.handlers_of_next_version"]


class Load:
    """Submits tasks of both versions until it is told to stop."""

    def __init__(self, queue: TaskQueue) -> None:
        self._queue = queue
        self._draw = random.Random(7)
        self.ids: dict[str, str] = {}
        self.is_over = False

    async def run(self) -> None:
        while not self.is_over:
            batch = [self._task() for _ in range(self._draw.choice((1, 2, 5)))]
            stored = await self._queue.submit(batch)
            self.ids |= {task.id: wanted.task_type for task, wanted in zip(stored, batch, strict=True)}
            await asyncio.sleep(0.04)

    async def submit_long(self) -> str:
        """One task that takes longer than the grace period."""
        payload = {"seconds": LONGEST_S}
        [stored] = await self._queue.submit(
            [TaskSubmission(task_type="work", payload=payload, max_retries=0)]
        )
        self.ids[stored.id] = "work"
        return stored.id

    async def worker_of(self, task_id: str) -> str | None:
        """Who runs it, once somebody does."""
        task = await self._queue.get(task_id)
        return task.worker if task.status is TaskStatus.RUNNING else None

    def _task(self) -> TaskSubmission:
        kind, seconds = self._draw.choices(
            [("work", 0.02), ("work", 0.3), ("work", LONG_S), ("novel", 0.02)], weights=[70, 15, 3, 12]
        )[0]
        # With no retries a wasted attempt would be a dead task.
        return TaskSubmission(task_type=kind, payload={"seconds": seconds}, max_retries=0)


@pytest.fixture
async def slots(server: Server, store: redis.Redis, tmp_path: Path) -> AsyncIterator[list[WorkerSlot]]:
    """Places for the workers of this version, then for those of the next; none runs yet."""
    effects = tmp_path / "effects"
    effects.touch()
    slots = [
        WorkerSlot(number, await Proxy(server.port).start(), effects, NOW if number < WORKERS else NEXT)
        for number in range(2 * WORKERS)
    ]
    yield slots
    for slot in slots:
        print(slot.lines)
        await slot.close()
        await slot.proxy.stop()


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_an_upgrade_under_load_costs_nothing(
    slots: list[WorkerSlot], tcp_queues: QueueFactory, tmp_path: Path
) -> None:
    queue = tcp_queues()
    old, new = slots[:WORKERS], slots[WORKERS:]
    for slot in old:
        slot.start()
        await slot.ready()
    load = Load(queue)
    loading = asyncio.create_task(load.run())

    # What no worker knows yet waits, and keeps nobody from work.
    await wait_until(lambda: len(load.ids) > 60, describe="tasks are coming")
    assert "novel" in load.ids.values()
    exits = []
    for before, after in zip(old, new, strict=True):
        done = len(read_runs(tmp_path / "effects"))
        await wait_until(
            lambda done=done: len(read_runs(tmp_path / "effects")) > done + 20, describe="work goes on"
        )
        await _busy_for_long(before, load)
        exits.append(await before.end(signal.SIGTERM))
        after.start()
        await after.ready()
    load.is_over = True
    await loading

    async def unfinished() -> bool:
        overview = await queue.overview()
        return not any(overview.counts[name] for name in ("pending", "running", "scheduled", "retrying"))

    await wait_until(unfinished, describe="everything has ended", timeout_s=60, pause_s=0.1)

    assert exits == [0] * WORKERS
    tasks = [await queue.get(task_id) for task_id in load.ids]
    ended = [task.status for task in tasks]
    assert ended == [TaskStatus.COMPLETED] * len(tasks), "0 lost, none dead"
    assert [task.attempt for task in tasks] == [1] * len(tasks), "0 attempts wasted"
    assert {attempt.outcome for task in tasks for attempt in task.attempts} == {"completed"}
    young = {pid for slot in new for pid in slot.pids}
    runs = read_runs(tmp_path / "effects")
    novel = {run.pid for run in runs if load.ids[run.task_id] == "novel"}
    assert novel
    assert novel <= young, "nobody ran what it does not know"
    handed_back = [run for run in runs if run.ending == "cancelled"]
    print(
        f"\n{len(tasks)} tasks, {len(runs)} runs, {len(handed_back)} handed back, "
        f"{sum(kind == 'novel' for kind in load.ids.values())} of the new type"
    )
    assert len(handed_back) >= WORKERS, "each ran one that was longer than the grace period"


async def _busy_for_long(slot: WorkerSlot, load: Load) -> None:
    """Until the worker runs a task that it will not finish within its grace period."""
    for _ in range(50):
        task_id = await load.submit_long()
        name = await wait_until(
            lambda task_id=task_id: load.worker_of(task_id), describe=f"start of {task_id}", timeout_s=20
        )
        if f"-{slot.pids[-1]}-" in name:
            return
    raise AssertionError(f"worker {slot.number} claims nothing")

"""A worker is killed, or its connection fails, at every step of a task's way: what becomes of the task."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from time import monotonic
from typing import NamedTuple

import pytest
import redis

from shared.codec import Claims
from shared.models import Task, TaskStatus, TaskSubmission
from shared.queue import ExchangeReply, TaskQueue, WorkerState
from tests.chaos.deployment import LEASE_S, WorkerSlot
from tests.chaos.effects import FILE, read_runs
from tests.chaos.handlers import noted
from tests.chaos.proxy import Proxy
from tests.conftest import QueueFactory
from tests.support.queues import NAMESPACE
from tests.support.server import Server
from tests.support.waiting import wait_until
from worker_host.context import Context
from worker_host.registry import Registry, register_handler
from worker_host.settings import WorkerSettings
from worker_host.waiter import Waiter
from worker_host.worker import Worker

COMPLETED, PENDING, RUNNING = TaskStatus.COMPLETED, TaskStatus.PENDING, TaskStatus.RUNNING


class Stage:
    """A worker behind a proxy, another one with a straight line, and a task."""

    def __init__(self, engine: TaskQueue, first: WorkerSlot, second: WorkerSlot, effects: Path) -> None:
        self.engine = engine
        self.first = first
        self.second = second
        self.effects = effects

    @property
    def proxy(self) -> Proxy:
        return self.first.proxy

    async def submit(self, seconds: float = 0.0, **options: float) -> str:
        task = TaskSubmission(task_type="work", payload={"seconds": seconds}, **options)
        [stored] = await self.engine.submit([task])
        return stored.id

    async def reaches(self, task_id: str, status: TaskStatus, timeout_s: float = 10) -> Task:
        async def look() -> Task | None:
            task = await self.engine.get(task_id)
            return task if task.status is status else None

        return await wait_until(look, describe=f"{task_id} is {status}", timeout_s=timeout_s)

    async def noted(self, ending: str) -> None:
        """Until the file of effects has a line of that kind."""
        await wait_until(lambda: f"{ending} " in self.effects.read_text(), describe=f"a line {ending!r}")

    async def kill(self) -> float:
        await self.first.end(signal.SIGKILL)
        return monotonic()


@pytest.fixture
async def stage(
    server: Server, store: redis.Redis, tcp_queues: QueueFactory, tmp_path: Path
) -> AsyncIterator[Stage]:
    effects = tmp_path / "effects"
    effects.touch()
    slots = [
        WorkerSlot(n, await Proxy(server.port).start(), effects, ["--handlers", "tests.chaos.handlers"])
        for n in (1, 2)
    ]
    slots[0].start()
    await slots[0].ready()
    await wait_until(
        lambda: "cmd=xread" in store.execute_command("CLIENT", "LIST"),
        describe="the worker is idle and waits",
    )
    yield Stage(tcp_queues(), slots[0], slots[1], effects)
    for slot in slots:
        print(slot.lines)
        await slot.close()
        await slot.proxy.stop()


async def after_the_claim(stage: Stage) -> tuple[str, float]:
    """The claim is stored, its reply never comes, the worker dies."""
    stage.proxy.replies_to_drop = 1000
    task_id = await stage.submit()
    await stage.reaches(task_id, RUNNING)
    return task_id, await stage.kill()


async def in_the_handler(stage: Stage) -> tuple[str, float]:
    """The worker dies while its handler runs."""
    task_id = await stage.submit(0.5)
    await stage.noted("start")
    return task_id, await stage.kill()


async def before_the_outcome(stage: Stage) -> tuple[str, float]:
    """The handler has returned, the outcome never reaches Redis, the worker dies."""
    task_id = await stage.submit(0.3)
    await stage.noted("start")
    stage.proxy.is_holding_scripts = True
    await stage.noted("done")
    await wait_until(lambda: stage.proxy.scripts_held, describe="the outcome is on its way")
    return task_id, await stage.kill()


async def after_the_outcome(stage: Stage) -> tuple[str, float]:
    """The outcome is stored, its reply never comes, the worker dies."""
    task_id = await stage.submit(0.3)
    await stage.noted("start")
    stage.proxy.replies_to_drop = 1000
    await stage.reaches(task_id, COMPLETED)
    return task_id, await stage.kill()


async def between_wake_up_and_exchange(stage: Stage) -> tuple[str, float]:
    """The worker was woken and dies before its exchange reaches Redis."""
    stage.proxy.is_holding_scripts = True
    held = stage.proxy.scripts_held
    task_id = await stage.submit()
    await wait_until(lambda: stage.proxy.scripts_held > held, describe="the worker was woken")
    return task_id, await stage.kill()


async def by_a_signal_with_the_reply_on_its_way(stage: Stage) -> tuple[str, float]:
    """SIGTERM comes between a claim and its reply: what the reply brings is handed back."""
    stage.proxy.delay_s = 0.25
    task_id = await stage.submit()
    await stage.reaches(task_id, RUNNING)
    assert await stage.first.end(signal.SIGTERM) == 0
    assert (await stage.engine.get(task_id)).attempt == 0
    return task_id, monotonic()


async def by_a_signal_in_the_handler(stage: Stage) -> tuple[str, float]:
    """SIGTERM, and the handler does not end within the grace period: handed back."""
    task_id = await stage.submit(1.8)
    await stage.noted("start")
    assert await stage.first.end(signal.SIGTERM) == 0
    return task_id, monotonic()


class Row(NamedTuple):
    """A fault and what must come of it.

    Attributes:
        attempt: which start completed the task.
        past: outcomes of its attempts.
        endings: of its runs, in order of their starts; "" for a run that was killed.
        within_s: from the death of the first worker to the end of the task.
    """

    fault: Callable[[Stage], Awaitable[tuple[str, float]]]
    attempt: int
    past: list[str]
    endings: list[str]
    within_s: float


TAKEN_OVER = LEASE_S + 1.0
AT_ONCE = 0.5
TABLE = [
    Row(after_the_claim, 2, ["lost", "completed"], ["done"], TAKEN_OVER),
    Row(in_the_handler, 2, ["lost", "completed"], ["", "done"], TAKEN_OVER + 0.5),
    Row(before_the_outcome, 2, ["lost", "completed"], ["done", "done"], TAKEN_OVER + 0.3),
    Row(after_the_outcome, 1, ["completed"], ["done"], AT_ONCE),
    Row(between_wake_up_and_exchange, 1, ["completed"], ["done"], AT_ONCE),
    Row(by_a_signal_with_the_reply_on_its_way, 1, ["completed"], ["done"], AT_ONCE),
    Row(by_a_signal_in_the_handler, 1, ["completed"], ["cancelled", "done"], 1.8 + AT_ONCE),
]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.fault.__name__)
async def test_killed_at_this_step(stage: Stage, row: Row):
    task_id, gone_at = await row.fault(stage)
    # The other one comes only now, so that the task is the first one's; it is ready within a second
    # or so, and what counts is measured from there when nothing had to expire.
    stage.second.start()
    await stage.second.ready()
    ready_at = monotonic()
    task = await stage.reaches(task_id, COMPLETED)
    assert monotonic() < max(
        gone_at + row.within_s, ready_at + (1.8 if row.within_s > AT_ONCE else 0) + AT_ONCE
    )
    assert task.attempt == row.attempt
    assert [attempt.outcome for attempt in task.attempts] == row.past
    assert [run.ending for run in read_runs(stage.effects)] == row.endings


async def test_a_lost_reply_to_an_outcome_is_asked_for_again(stage: Stage):
    task_id = await stage.submit(0.2)
    await stage.noted("start")
    stage.proxy.replies_to_drop = 2
    await stage.reaches(task_id, COMPLETED)
    await stage.reaches(await stage.submit(), COMPLETED)
    assert stage.proxy.replies_dropped == 2
    assert [run.ending for run in read_runs(stage.effects)] == ["done", "done"]


async def test_a_lost_reply_to_a_claim_costs_nothing_but_a_repeat(stage: Stage):
    stage.proxy.replies_to_drop = 2
    task = await stage.reaches(await stage.submit(), COMPLETED)
    assert stage.proxy.replies_dropped == 2
    assert task.attempt == 1
    assert [run.ending for run in read_runs(stage.effects)] == ["done"]


async def test_a_worker_is_not_deaf_when_the_reply_after_a_reconnect_is_lost(stage: Stage):
    """The exchange that asks from where to wait is carried out, its answer is not heard."""
    stage.proxy.replies_to_drop = 1
    stage.proxy.cut()
    await wait_until(lambda: stage.proxy.replies_dropped, describe="the reply is lost")
    await wait_until(lambda: stage.first.count("exchange failed"), describe="the worker noticed")
    await asyncio.sleep(0.3)
    await stage.reaches(await stage.submit(), COMPLETED, timeout_s=5)


async def test_a_worker_learns_what_is_due_next_when_that_reply_is_lost(stage: Stage):
    """The exchange that looks for what is due is carried out, its answer is not heard."""
    first = await stage.submit(delay_seconds=0.5)
    second = await stage.submit(delay_seconds=1.2)
    stage.proxy.replies_to_drop = 1
    await stage.reaches(first, COMPLETED)
    await stage.reaches(second, COMPLETED, timeout_s=5)
    assert stage.proxy.replies_dropped == 1


async def test_cut_connections_never_end_a_worker(stage: Stage):
    pid = stage.first.pids[0]
    ids = []
    for _ in range(40):
        ids.append(await stage.submit(0.02))
        await asyncio.sleep(0.03)
        stage.proxy.cut()
    for task_id in ids:
        await stage.reaches(task_id, COMPLETED)
    assert stage.first.is_alive
    assert stage.first.pids == [pid]
    assert "Traceback" not in stage.first.lines


async def test_what_runs_is_stopped_before_a_failing_worker_gives_it_away(
    server: Server,
    store: redis.Redis,
    tcp_queues: QueueFactory,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setenv(FILE, str(tmp_path / "effects"))
    registry = Registry()

    @register_handler("sleep", registry=registry)
    async def sleep(payload: dict, context: Context) -> None:
        with noted(context):
            await asyncio.sleep(60)

    settings = WorkerSettings.read(redis_url=server.url, dtq_namespace=NAMESPACE, lease_seconds=2)
    worker = Worker(settings, registry, [], is_json=True)
    ended_before: list[str] = []
    leave = worker.queue.leave

    async def watched_leave(state: WorkerState) -> int:
        ended_before.extend(run.ending for run in read_runs(tmp_path / "effects"))
        return await leave(state)

    async def defect() -> bool:
        raise LookupError("a defect of the exchanger")

    monkeypatch.setattr(worker.queue, "leave", watched_leave)
    running = asyncio.create_task(worker.run())
    await tcp_queues().submit([TaskSubmission(task_type="sleep", payload={})])
    await wait_until((tmp_path / "effects").exists, describe="the handler runs")
    monkeypatch.setattr(worker._lanes[0].exchanger, "run_once", defect)
    worker._lanes[0].exchanger.poke()
    with pytest.raises(LookupError):
        await running
    assert ended_before == ["cancelled"]


async def test_who_was_busy_before_guards_who_claimed_later(stage: Stage):
    """The second works, only the first guards its lease; the first claims and dies: the second must know."""
    stage.second.start()
    await stage.second.ready()
    stage.first.pause()
    long = await stage.submit(1.0)
    await stage.reaches(long, RUNNING)
    stage.first.resume()
    await asyncio.sleep(0.3)
    stage.second.pause()
    task_id = await stage.submit(0.5)
    await wait_until(lambda: f"start {task_id}" in stage.effects.read_text(), describe="the first runs it")
    stage.second.resume()
    killed_at = await stage.kill()
    await stage.reaches(task_id, COMPLETED)
    assert monotonic() - killed_at < TAKEN_OVER + 0.5


async def test_what_falls_due_after_the_lease_of_the_only_worker_is_started_in_time(stage: Stage):
    """While it works its own lease heads the timers, so nobody is told of what comes later."""
    busy = await stage.submit(1.0)
    await stage.noted("start")
    task_id = await stage.submit(delay_seconds=LEASE_S + 1.5)
    await stage.reaches(busy, COMPLETED)
    await stage.reaches(task_id, COMPLETED, timeout_s=LEASE_S + 3)


async def test_an_answer_does_not_put_off_an_alarm_that_was_set_while_it_was_under_way():
    """A wake-up that is newer than the answer may be read first: they come by two connections."""
    calls: list[bool] = []
    waiter = Waiter(
        None,
        "worker",
        ["default"],
        poke=calls.append,
        hand_over=lambda *_: calls.append(True),
        reconnected=lambda: None,
    )
    waiter.server_ms = lambda: 1000.0
    waiter._concerns({"t": "1050"})
    nothing_due = ExchangeReply(1000, "ok", False, 0, "", [], [], Claims())
    waiter.learn(nothing_due, monotonic())
    waiter.learn(nothing_due._replace(next_due_ms=60_000), monotonic())
    await wait_until(lambda: calls == [True], describe="the alarm rings", timeout_s=1)

"""One process waits for all of a host: who reports late misses nothing, and who loses the parent waits alone."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator

import pytest

from shared.errors import StoreUnavailable
from shared.models import TaskStatus
from shared.queue import TaskQueue
from tests.conftest import QueueFactory
from tests.support.factories import task
from tests.support.processes import children
from tests.support.queues import tcp_queue
from tests.support.waiting import wait_until
from tests.worker_host.conftest import StartWorker, reaches
from worker_host.wake_line import WAKE_SOCKET, WakeLine, parent_end
from worker_host.wake_relay import KEPT, Child, Stream, WakeRelay

WAKES = "{test:0}:wakes"


@pytest.fixture
async def relay(server, store) -> AsyncIterator[WakeRelay]:
    running = WakeRelay(lambda _: tcp_queue(server.url, shards=2))
    running.start()
    yield running
    await asyncio.to_thread(running.stop)


@pytest.fixture
async def lines(relay: WakeRelay, tcp_queues: QueueFactory) -> AsyncIterator[list[WakeLine]]:
    """Two children's lines."""
    made = [WakeLine(tcp_queues().wait) for _ in range(2)]
    for line in made:
        await line.open(relay.new_line())
    yield made
    for line in made:
        await line.close()


def waits(store) -> int:
    return store.execute_command("CLIENT", "LIST").count("cmd=xread")


async def test_a_wake_up_reaches_all_by_one_connection(lines, relay, store):
    waiting = [asyncio.create_task(line.wait("0-0", 20_000)) for line in lines]
    await wait_until(lambda: waits(store) == 1, describe="one connection waits")
    entry = store.xadd(WAKES, {"q": "default"})
    assert await asyncio.gather(*waiting) == [[(entry, {"q": "default"})]] * 2
    assert waits(store) <= 1
    assert relay.calls >= 1


async def test_what_came_before_a_report_is_told_at_once(lines, store):
    """A cursor is older than what the parent has read when its exchange ran before the wake-up."""
    first, second = lines
    waiting = asyncio.create_task(first.wait("0-0", 20_000))
    await wait_until(lambda: waits(store) == 1, describe="the parent waits")
    ids = [store.xadd(WAKES, {"q": name}) for name in ("a", "b")]
    seen = await waiting
    while len(seen) < 2:
        seen += await first.wait(seen[-1][0], 20_000)
    assert [entry_id for entry_id, _ in await second.wait("0-0", 20_000)] == ids
    assert await second.wait(ids[0], 20_000) == [(ids[1], {"q": "b"})]


async def test_a_wait_ends_empty_when_nothing_happens(lines, store):
    assert await lines[0].wait("0-0", 20) == []
    entry = store.xadd(WAKES, {"q": "a"})
    assert await lines[0].wait("0-0", 20_000) == [(entry, {"q": "a"})]
    assert await lines[0].wait(entry, 20) == []


async def test_a_cursor_from_before_the_parent_knew_anything_is_sent_to_look(lines, store):
    entry = store.xadd(WAKES, {"q": "a"})
    assert await lines[0].wait(entry, 50) == []
    with pytest.raises(StoreUnavailable, match="begin anew"):
        await lines[1].wait("0-0", 20_000)
    assert await lines[1].wait(entry, 50) == []


async def test_shards_are_read_each_on_its_own(lines, store):
    waiting = [asyncio.create_task(lines[0].wait("0-0", 20_000, shard=shard)) for shard in (0, 1)]
    await wait_until(lambda: waits(store) == 2, describe="a connection for each shard waits")
    second = store.xadd("{test:1}:wakes", {"q": "b"})
    assert await waiting[1] == [(second, {"q": "b"})]
    first = store.xadd(WAKES, {"q": "a"})
    assert await waiting[0] == [(first, {"q": "a"})]


async def test_a_lost_connection_sends_all_to_look_and_is_opened_again(lines, store):
    waiting = [asyncio.create_task(line.wait("0-0", 20_000)) for line in lines]
    await wait_until(lambda: waits(store) == 1, describe="the parent waits")
    for client in store.client_list():
        if client["cmd"] == "xread":
            store.client_kill_filter(_id=client["id"])
    for one in waiting:
        with pytest.raises(StoreUnavailable, match="begin anew"):
            await one
    entry = store.xadd(WAKES, {"q": "a"})
    assert await lines[1].wait("0-0", 20_000) == [(entry, {"q": "a"})]


async def test_without_the_parent_a_child_waits_by_itself(lines, relay, store):
    waiting = asyncio.create_task(lines[0].wait("0-0", 20_000))
    await wait_until(lambda: waits(store) == 1, describe="the parent waits")
    await asyncio.to_thread(relay.stop)
    with pytest.raises(StoreUnavailable):
        await waiting
    entry = store.xadd(WAKES, {"q": "a"})
    await wait_until(lambda: not lines[0].is_open, describe="the line is given up")
    assert await lines[0].wait("0-0", 20_000) == [(entry, {"q": "a"})]


async def test_a_parent_that_says_nothing_is_given_up(tcp_queues: QueueFactory, store):
    ours, silent = socket.socketpair()
    line = WakeLine(tcp_queues().wait, silent_s=0.05)
    await line.open(ours)
    with pytest.raises(StoreUnavailable):
        await line.wait("0-0", 20_000)
    entry = store.xadd(WAKES, {"q": "a"})
    assert await line.wait("0-0", 20_000) == [(entry, {"q": "a"})]
    await line.close()
    silent.close()


async def test_a_parent_that_speaks_nonsense_is_given_up(tcp_queues: QueueFactory, store):
    ours, other = socket.socketpair()
    line = WakeLine(tcp_queues().wait)
    await line.open(ours)
    other.sendall(b"{nonsense\n")
    with pytest.raises(StoreUnavailable):
        await line.wait("0-0", 20_000)
    assert not line.is_open
    await line.close()
    other.close()


async def test_a_child_that_speaks_nonsense_loses_its_line_and_nobody_else_does(relay, lines, store):
    theirs = relay.new_line()
    theirs.sendall(b"nonsense\n")
    theirs.settimeout(5)

    def is_closed() -> bool:
        return b"" in (theirs.recv(100), theirs.recv(100))

    assert await asyncio.to_thread(is_closed)
    theirs.close()
    entry = store.xadd(WAKES, {"q": "a"})
    assert await lines[0].wait("0-0", 20_000) == [(entry, {"q": "a"})]


def test_only_the_last_wake_ups_are_kept_and_who_needs_older_ones_looks():
    class Told(Child):
        def __init__(self) -> None:
            self.said: list = []

        def tell(self, entries) -> None:
            self.said.append(entries)

    child, stream = Told(), Stream("5-0")
    stream.add([(f"{n}-0", {}) for n in range(6, 6 + KEPT + 3)])
    stream.report(child, "5-0")
    stream.report(child, "7-0")
    assert child.said == [None, None]
    stream.report(child, "8-0")
    assert len(child.said[-1]) == KEPT
    stream.report(child, f"{KEPT + 8}-0")
    assert len(child.said) == 3
    stream.add([(f"{KEPT + 9}-0", {"q": "a"})])
    assert child.said[-1] == [(f"{KEPT + 9}-0", {"q": "a"})]


def test_the_line_is_taken_once(monkeypatch):
    ours, theirs = socket.socketpair()
    monkeypatch.setenv(WAKE_SOCKET, str(theirs.detach()))
    taken = parent_end()
    assert taken is not None
    taken.close()
    ours.close()
    assert parent_end() is None


@pytest.fixture
def engine(tcp_queues: QueueFactory) -> TaskQueue:
    return tcp_queues()


async def test_a_pool_waits_once_and_wakes_its_processes(engine: TaskQueue, start_worker: StartWorker, store):
    pool = await start_worker("--processes", "3").ready(3)
    await wait_until(lambda: waits(store) == 1, describe="the pool waits by one connection")
    for _ in range(3):
        [item] = await engine.submit([task()])
        await reaches(engine, item.id, TaskStatus.COMPLETED, timeout_s=3)
    [later] = await engine.submit([task(delay_seconds=0.3)])
    await reaches(engine, later.id, TaskStatus.COMPLETED, timeout_s=3)
    assert waits(store) == 1
    # One that is killed is started again, by a line of its own.
    os.kill(children(pool.process.pid)[0], signal.SIGKILL)
    await pool.ready(4)
    [item] = await engine.submit([task()])
    await reaches(engine, item.id, TaskStatus.COMPLETED, timeout_s=3)
    assert waits(store) == 1
    pool.send(signal.SIGTERM)
    assert await pool.ended() == 0
    assert "wait" not in "".join(line for line in pool.lines.splitlines() if '"level": "warning"' in line)


async def test_cancelling_reaches_a_busy_process_of_a_pool(
    engine: TaskQueue, start_worker: StartWorker, effects
):
    await start_worker("--processes", "2").ready(2)
    [item] = await engine.submit([task({"seconds": 60}, task_type="sleep")])
    await wait_until(lambda: f"start {item.id}" in effects.read_text(), describe="it runs")
    assert await engine.cancel(item.id) is TaskStatus.RUNNING
    await reaches(engine, item.id, TaskStatus.CANCELLED, timeout_s=3)


async def test_one_process_waits_by_itself(engine: TaskQueue, start_worker: StartWorker, store):
    await start_worker().ready()
    await wait_until(lambda: waits(store) == 1, describe="it waits")
    [item] = await engine.submit([task()])
    await reaches(engine, item.id, TaskStatus.COMPLETED, timeout_s=3)

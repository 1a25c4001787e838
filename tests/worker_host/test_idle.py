"""What a worker without tasks costs in ten minutes: at most 15 Redis calls, inner ones included."""

from __future__ import annotations

import asyncio
import time

import pytest

from shared.queue import QueueOptions, TaskQueue
from shared.transports.tcp import MAX_WAIT_S
from tests.support.factories import registered
from tests.support.queues import NAMESPACE
from tests.support.server import Server
from tests.support.stepped import SteppedTcp
from tests.support.workers import WorkerProcess
from worker_host.heartbeat import Heartbeat
from worker_host.waiter import Waiter

MINUTES = 10
MOST = 15
OF_THE_METER = ("info", "config|resetstat")
#: Also when the ten minutes begin just before one of its renewals.
OFFSETS_S = (0, 155, 305)


class _Lease:
    """As the heartbeat sees an exchanger; the time is that of the server."""

    is_busy = False

    def __init__(self, state, transport):
        self.state, self.transport = state, transport

    def server_ms(self) -> float:
        return self.transport.now_us / 1000

    def set_clock(self, now_ms, sent_at):
        """It is the server's already."""


@pytest.mark.parametrize("offset_s", OFFSETS_S)
async def test_ten_idle_minutes_cost_at_most_15_calls(store, server, offset_s):
    """The waiter and the heartbeat of a worker, second by second of a clock that the test moves."""
    transport = SteppedTcp(server.url, 1_798_761_600_000_000)
    queue = TaskQueue(transport, QueueOptions(namespace=NAMESPACE))
    state = await registered(queue)
    pokes: list[bool] = []
    lease = _Lease(state, transport)
    heartbeat = Heartbeat(lambda: queue, [lease], blocked_s=60, now=lambda: transport.now_us / 1e6)

    async def wait(cursor, timeout_ms, *, shard):
        """The time passes without a wake-up; meanwhile the heartbeat looks each second."""
        queue.calls += 1
        for _ in range(timeout_ms // 1000):
            transport.now_us += 1_000_000
            heartbeat.turn()
            await heartbeat.run_once(queue)
        return []

    waiter = Waiter(
        wait,
        state.name,
        state.queues,
        poke=pokes.append,
        hand_over=lambda *_: pokes.append(True),
        reconnected=lambda: pokes.append(True),
    )
    waiter.learn(await queue.exchange(state, free=10), time.monotonic())
    transport.now_us += offset_s * 1_000_000
    before = queue.calls
    for _ in range(int(MINUTES * 60 / MAX_WAIT_S)):
        await waiter.run_once()
    cost = queue.calls - before
    await transport.close()
    print(f"ten idle minutes from {offset_s} s on: {cost} calls")
    assert pokes == [], "an idle worker exchanges although nobody called it"
    assert MINUTES * 60 / MAX_WAIT_S < cost <= MOST


@pytest.mark.soak
@pytest.mark.timeout(MINUTES * 60 + 120)
async def test_ten_real_idle_minutes_cost_at_most_15_calls():
    """A worker process and a server of its own, counted by the server."""
    server = Server()
    store = server.client()
    worker = WorkerProcess(server.url, DTQ_NAMESPACE=NAMESPACE, HEALTH_PORT="0")
    try:
        await worker.ready()
        await asyncio.sleep(10)  # its first exchange and its first wait are behind it
        store.config_resetstat()
        await asyncio.sleep(MINUTES * 60)
        stats = store.info("commandstats")
    finally:
        worker.stop()
        store.close()
        server.stop()
    calls = {key.removeprefix("cmdstat_"): one["calls"] for key, one in sorted(stats.items())}
    calls = {name: count for name, count in calls.items() if name not in OF_THE_METER}
    print(f"\n{'command':<20} calls in {MINUTES} minutes")
    for name, count in calls.items():
        print(f"{name:<20} {count:>5}")
    print(f"{'all':<20} {sum(calls.values()):>5}, at most {MOST}")
    assert 0 < sum(calls.values()) <= MOST

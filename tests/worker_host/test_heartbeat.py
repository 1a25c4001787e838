"""What the heartbeat tells beside the lease: the memory of the process, and no more often than it changes."""

from __future__ import annotations

import pytest

from shared.queue import TaskQueue
from tests.support.factories import registered
from tests.support.waiting import wait_until
from worker_host.heartbeat import Heartbeat
from worker_host.identity import resident_mb


class _Lease:
    is_busy = True

    def __init__(self, state):
        self.state = state

    def server_ms(self) -> float:
        return self.state.lease_until - self.state.lease_ms  # never due

    def set_clock(self, now_ms, sent_at):
        """Nothing is renewed here."""


async def test_memory_is_told_when_it_has_changed(engine: TaskQueue, store):
    state = await registered(engine)
    clock, memory = [0.0], [60]
    heartbeat = Heartbeat(
        lambda: engine, [_Lease(state)], blocked_s=1e9, now=lambda: clock[0], memory_mb=lambda: memory[0]
    )

    async def told_after(seconds: float, now_mb: int) -> tuple[int | None, int]:
        clock[0] += seconds
        memory[0] = now_mb
        before = engine.calls
        heartbeat.turn()
        await heartbeat.run_once(engine)
        cost = engine.calls - before
        return (await engine.overview()).workers[0].memory_mb, cost

    assert await told_after(299, 900) == (60, 0)
    assert await told_after(1, 71) == (60, 0)
    assert await told_after(300, 72) == (72, 4)
    assert await told_after(300, 80) == (72, 0)
    await engine.drain(state.name, by="ops")
    assert await told_after(300, 40) == (40, 4)
    assert (await engine.overview()).workers[0].draining


def test_memory_of_this_process_is_read(monkeypatch: pytest.MonkeyPatch):
    assert 10 < resident_mb() < 4000
    monkeypatch.setattr("worker_host.identity.Path", lambda *_: _Missing())
    assert 10 < resident_mb() < 4000


class _Missing:
    def read_text(self, *_: str) -> str:
        raise FileNotFoundError


async def test_a_real_worker_says_what_it_takes(engine: TaskQueue, start_worker):
    worker = start_worker()
    await worker.ready()

    async def known() -> bool:
        return bool((await engine.overview()).workers)

    await wait_until(known, describe="the worker is registered")
    assert 20 < ((await engine.overview()).workers[0].memory_mb or 0) < 500

"""The duty that audits: when it is due, once for all workers; what it repaired is counted."""

from __future__ import annotations

import asyncio

import redis
from structlog.testing import capture_logs

from shared.errors import StoreUnavailable
from shared.queue import TaskQueue
from tests.conftest import QueueFactory
from tests.support.factories import tasks
from worker_host.auditor import Auditor
from worker_host.metrics import Metrics


def auditor(queue: TaskQueue, every_s: float = 60) -> tuple[Auditor, Metrics]:
    metrics = Metrics()
    return Auditor(queue, metrics, every_s=every_s, may_go_on=lambda: True), metrics


async def test_one_of_all_workers_audits(tcp_queues: QueueFactory, store: redis.Redis):
    queue = tcp_queues()
    await queue.submit(tasks(5))
    store.delete("{test:0}:pending:default")
    (first, counted), (second, other) = auditor(queue), auditor(queue)
    await first.run_once()
    await second.run_once()
    assert (dict(counted.repairs), dict(other.repairs)) == ({"tasks": 5}, {})
    assert 'dtq_repairs_total{kind="tasks"} 5.0' in counted.text().decode()


async def test_it_looks_again_and_again(tcp_queues: QueueFactory, store: redis.Redis):
    queue = tcp_queues()
    duty, _ = auditor(queue, every_s=0.04)
    running = asyncio.create_task(duty.run())
    looks = 0

    async def audit(**_: object) -> object:
        nonlocal looks
        looks += 1
        if looks == 3:
            running.cancel()
        raise StoreUnavailable("Redis does not answer.")

    queue.audit = audit  # type: ignore[method-assign]  # the store is away
    with capture_logs() as logs:
        await asyncio.wait([running], timeout=10)
    assert looks == 3
    assert {line["event"] for line in logs} == {"the audit goes on later"}


async def test_none_is_made_when_it_is_switched_off(tcp_queues: QueueFactory, store: redis.Redis):
    duty, _ = auditor(tcp_queues(), every_s=0)
    running = asyncio.create_task(duty.run())
    await asyncio.sleep(0)
    assert not running.done()
    running.cancel()
    await asyncio.wait([running])
    assert store.dbsize() == 0

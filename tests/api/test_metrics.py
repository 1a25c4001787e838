"""`/api/metrics` as Prometheus' own parser reads it."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from shared.queue import TaskQueue
from tests.api.support import Client
from tests.support.factories import ending, registered, tasks


async def _samples(api: Client) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    answer = await api.get("/api/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    families = list(text_string_to_metric_families(answer.text))
    assert all(family.type == "gauge" and family.documentation for family in families)
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


async def test_what_is_there(api: Client, engine: TaskQueue) -> None:
    state = await registered(engine, "mail", "a.b-c_1")
    await engine.submit(tasks(3, queue="mail"))
    await engine.submit(tasks(2, queue="a.b-c_1", delay_seconds=60))
    [claim] = (await engine.exchange(state, free=1)).claims
    await engine.exchange(state, [ending(claim, "x")], free=0)
    await engine.pause("held", by="ops", reason="")
    seen = await _samples(api)

    def tasks_of(queue: str, status: str) -> float:
        return seen["dtq_tasks", (("queue", queue), ("status", status))]

    assert tasks_of("mail", "pending") == 2
    assert tasks_of("mail", "dead") == 1
    assert tasks_of("mail", "running") == 0
    assert tasks_of("a.b-c_1", "scheduled") == 2
    assert seen["dtq_queue_paused", (("queue", "held"),)] == 1
    assert seen["dtq_queue_paused", (("queue", "mail"),)] == 0
    assert seen["dtq_workers", ()] == 1
    assert seen["dtq_worker_slots", ()] == 10
    assert seen["dtq_oldest_pending_seconds", ()] >= 0


async def test_nothing_is_there(api: Client) -> None:
    assert await _samples(api) == {("dtq_workers", ()): 0, ("dtq_worker_slots", ()): 0}


async def test_the_price(api: Client, engine: TaskQueue) -> None:
    """EVALSHA, TIME, two hashes; the leases of workers, and the oldest of each priority that has a task."""
    await registered(engine)
    await engine.submit(tasks(5))
    answer = await api.get("/api/metrics")
    assert int(answer.headers["x-redis-calls"]) <= 8

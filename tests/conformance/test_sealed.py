"""With PAYLOAD_KEY Redis holds ciphertext only, whatever is done with a task."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
import redis

from shared.errors import TooLarge
from shared.models import ScheduleSpec, TaskStatus
from shared.queue.scheduling import DueSchedule
from shared.sealing import PAYLOAD, Sealer, Unreadable, result_place, unseal
from tests.conftest import QueueFactory
from tests.support.factories import ending, registered, task

OLD, NEW = Sealer({"old": b"o" * 32}), Sealer({"new": b"n" * 32, "old": b"o" * 32})
PLANTED = "planted-in-the-body"


def stored_text(store: redis.Redis) -> str:
    """Everything that Redis holds."""
    texts = []
    for key in store.scan_iter():
        kind = store.type(key)
        if kind == "string":
            texts.append(store.get(key))
        elif kind == "hash":
            texts += [word for pair in store.hgetall(key).items() for word in pair]
        elif kind == "stream":
            texts += [str(entry) for entry in store.xrange(key)]
        else:
            texts += store.zrange(key, 0, -1)
    return "\n".join(map(str, texts))


@pytest.mark.parametrize("size", [10, 20_000])
async def test_the_life_of_a_sealed_task(queues: QueueFactory, store: redis.Redis, size: int) -> None:
    queue = queues(sealer=OLD)
    payload = {"text": PLANTED, "fill": "x" * size}
    [item] = await queue.submit([task(payload)])
    assert PLANTED not in stored_text(store)
    assert (await queue.get(item.id)).payload == payload
    state = await registered(queue)
    [claim] = (await queue.exchange(state, free=1)).claims
    await queue.load_bodies([claim])
    assert PLANTED in unseal(OLD, claim.payload, PAYLOAD)
    await queue.exchange(state, [ending(claim, "x")], free=0)
    await queue.requeue_one(item.id, by="ops", payload={"second": PLANTED})
    assert (await queue.get(item.id)).payload == {"second": PLANTED}
    await queue.edit(item.id, by="ops", payload={"third": PLANTED}, run_at_ms=4e12)
    await queue.edit(item.id, by="ops", run_now=True)
    assert (await queue.get(item.id)).payload == {"third": PLANTED}
    [claim] = (await queue.exchange(state, free=1)).claims
    body = OLD.seal(f'{{"result": "{PLANTED}"}}', result_place(claim.id))
    await queue.exchange(state, [ending(claim, "c", body)], free=0)
    ended = await queue.get(item.id)
    assert (ended.status, ended.result) == (TaskStatus.COMPLETED, {"result": PLANTED})
    assert (await queue.list_tasks()).tasks[0].result == {"result": PLANTED}
    assert PLANTED not in stored_text(store)


async def test_a_repeat_is_known_by_the_plain_body(queues: QueueFactory) -> None:
    queue = queues(sealer=NEW)
    first = await queue.submit([task({"n": 1}, idempotency_key="k")])
    assert await queues(sealer=OLD).submit([task({"n": 1}, idempotency_key="k")]) == first
    assert await queues().submit([task({"n": 1}, idempotency_key="k")]) == first


async def test_keys_are_rotated_and_a_missing_one_is_told(queues: QueueFactory) -> None:
    [item] = await queues(sealer=OLD).submit([task({"n": 1})])
    assert (await queues(sealer=NEW).get(item.id)).payload == {"n": 1}
    for queue in (queues(), queues(sealer=Sealer({"new": b"n" * 32}))):
        found = await queue.get(item.id)
        assert found.payload is None
        assert "'old', which PAYLOAD_KEY does not hold" in found.unreadable["payload"]
        assert (await queue.list_tasks()).tasks[0].unreadable == found.unreadable
    wrong = await queues(sealer=Sealer({"old": b"x" * 32})).get(item.id)
    assert "does not open this body" in wrong.unreadable["payload"]
    assert (await queues(sealer=OLD).get(item.id)).unreadable == {}


async def test_limits_are_those_of_the_plain_payload(queues: QueueFactory) -> None:
    queue = queues(sealer=OLD, max_payload_bytes=1_000)
    fits = {"x": "y" * 990}
    [item] = await queue.submit([task(fits)])
    assert (await queue.get(item.id)).payload == fits
    with pytest.raises(TooLarge):
        await queue.submit([task({"x": "y" * 1_000})])
    large = queues(sealer=OLD, max_payload_bytes=4 * 1024 * 1024)
    with pytest.raises(TooLarge, match="tasks"):
        await large.submit([task({"x": "y" * 3_500_000})])


async def test_a_debounced_payload_is_that_of_the_task_that_waits(
    queues: QueueFactory, store: redis.Redis
) -> None:
    queue = queues(sealer=OLD)
    [first] = await queue.submit([task({"n": 1}, unique_key="k", debounce={"seconds": 60})])
    [second] = await queue.submit([task({"text": PLANTED}, unique_key="k", debounce={"seconds": 60})])
    assert second.id == first.id
    assert (await queue.get(first.id)).payload == {"text": PLANTED}
    assert PLANTED not in stored_text(store)


async def test_a_sealed_schedule_fires(queues: QueueFactory, store: redis.Redis) -> None:
    queue = queues(sealer=OLD)
    spec: Any = ScheduleSpec(interval_seconds=60, task=task({"text": PLANTED}))
    await queue.save_schedule("report", spec, by="ops", now=datetime.now(UTC))
    assert (await queue.schedule("report")).spec.task.payload == {"text": PLANTED}
    by_hand = await queue.run_schedule("report", by="ops")
    assert (await queue.get(by_hand)).payload == {"text": PLANTED}
    key = "{test:0}:schedules"
    due = DueSchedule("report", int(store.hget(key, "report:n")), str(store.hget(key, "report")))
    assert await queue.fire(due, datetime.now(UTC)) == "fired"
    fired = (await queue.schedule("report")).last_task_id
    assert fired is not None
    assert (await queue.get(fired)).payload == {"text": PLANTED}
    assert PLANTED not in stored_text(store)
    with pytest.raises(Unreadable):
        await queues().schedules()


async def test_a_schedule_that_cannot_be_opened_is_paused_with_the_reason(
    queues: QueueFactory, store: redis.Redis
) -> None:
    queue = queues(sealer=OLD)
    spec: Any = ScheduleSpec(interval_seconds=60, task=task())
    await queue.save_schedule("report", spec, by="ops", now=datetime.now(UTC))
    key = "{test:0}:schedules"
    due = DueSchedule("report", int(store.hget(key, "report:n")), str(store.hget(key, "report")))
    assert await queues().fire(due, datetime.now(UTC)) == "skipped"
    paused = (await queue.schedule("report")).paused
    assert paused is not None
    assert "PAYLOAD_KEY" in paused

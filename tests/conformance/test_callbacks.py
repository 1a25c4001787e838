"""Endings that are told: each makes one webhook task, in the step that ends the task; both transports."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from shared.ids import is_task_id
from shared.models import OnConflict, TaskStatus
from shared.queue.cursors import TaskFilter
from tests.conformance.test_random import History
from tests.support.factories import ending, registered, task, tasks
from tests.support.invariants import disorder
from tests.support.waiting import wait_until

URL = "https://my-app.example/hooks?a=%20b&c=[1]'"
TYPES = ("noop", "webhook")


async def hooks(queue):
    """All webhook tasks, in order of their making."""
    page = await queue.list_tasks(TaskFilter(task_type="webhook"), limit=1_000)
    return sorted(page.tasks, key=lambda one: one.id)


async def told(queue, task_id):
    """What is told of a task: events in order, after a check of all that they say."""
    found = [one for one in await hooks(queue) if one.payload["task"]["id"] == task_id]
    subject = await queue.get(task_id)
    for one in found:
        assert is_task_id(one.id)
        assert one.id[0] == task_id[0]
        assert (one.queue, one.priority, one.max_retries) == (subject.queue, subject.priority, 8)
        assert one.payload["url"] == URL
        assert one.payload["task"] == {
            "id": task_id,
            "task_type": subject.task_type,
            "queue": subject.queue,
            "attempt": one.payload["task"]["attempt"],
            "created_ms": int(subject.created_at.timestamp() * 1000 + 0.5),
        }
    return [one.payload["event"] for one in found]


async def claimed(engine, state, **fields):
    [submitted] = await engine.submit([task(callback_url=URL, **fields)])
    [claim] = (await engine.exchange(state, free=1)).claims
    assert claim.id == submitted.id
    return claim


@pytest.mark.parametrize(
    ("kind", "fields", "event"),
    [
        ("c", {}, "task.completed"),
        ("c", {"payload": {"large": "x" * 20_000}, "priority": 9, "queue": "mail"}, "task.completed"),
        ("c", {"retention_seconds": 60.0, "unique_key": "k", "metadata": {"c": " c=no"}}, "task.completed"),
        ("f", {"max_retries": 0}, "task.dead"),
        ("x", {}, "task.dead"),
        ("k", {}, "task.cancelled"),
    ],
)
async def test_an_ending_is_told_once(queue, kind, fields, event):
    state = await registered(queue, "default", "mail", types=TYPES)
    claim = await claimed(queue, state, **fields)
    await queue.exchange(state, [ending(claim, kind)], free=0)
    assert await told(queue, claim.id) == [event]
    [hook] = await hooks(queue)
    assert hook.status is TaskStatus.PENDING
    [again] = (await queue.exchange(state, free=1)).claims
    assert (again.id, again.task_type, json.loads(again.payload)["event"]) == (hook.id, "webhook", event)
    await queue.exchange(state, [ending(again)], free=1)
    assert len(await hooks(queue)) == 1  # a webhook has no webhook


@pytest.mark.parametrize("kind", ["f", "s", "h"])
async def test_what_is_no_ending_is_not_told(queue, kind):
    state = await registered(queue, types=TYPES)
    claim = await claimed(queue, state)
    await queue.exchange(state, [ending(claim, kind, delay_ms=60_000)], free=0)
    assert await hooks(queue) == []


async def test_without_the_option_nothing_is_told(queue):
    state = await registered(queue, types=TYPES)
    await queue.submit([task(metadata={"c": " c=https://no.example"}, idempotency_key="c=x")])
    [claim] = (await queue.exchange(state, free=1)).claims
    await queue.exchange(state, [ending(claim)], free=0)
    assert await hooks(queue) == []


async def test_a_repeated_exchange_tells_nothing_twice(queue):
    state = await registered(queue, types=TYPES)
    claim = await claimed(queue, state)
    number = state.number
    await queue.exchange(state, [ending(claim)], free=0)
    state.number = number
    reply = await queue.exchange(state, [ending(claim)], free=0)
    assert reply.state == "replay"
    reply = await queue.exchange(state, [ending(claim)], free=0)
    assert reply.lost == []
    assert await told(queue, claim.id) == ["task.completed"]


async def test_a_requeued_task_that_ends_again_is_told_again(queue):
    state = await registered(queue, types=TYPES)
    claim = await claimed(queue, state, priority=10)
    await queue.exchange(state, [ending(claim, "x")], free=0)
    for _ in range(2):
        await queue.requeue([claim.id], by="test")
        [claim] = (await queue.exchange(state, free=1)).claims if claim else []
        while claim.task_type == "webhook":
            [claim] = (await queue.exchange(state, [ending(claim)], free=1)).claims
        await queue.exchange(state, [ending(claim, "x")], free=0)
    await queue.requeue([claim.id], by="test")
    await queue.cancel(claim.id)
    assert await told(queue, claim.id) == ["task.dead"] * 3 + ["task.cancelled"]


async def test_cancelling_what_does_not_run_is_told(queue):
    for fields in ({}, {"delay_seconds": 60.0}):
        [submitted] = await queue.submit([task(callback_url=URL, **fields)])
        await queue.cancel(submitted.id)
        await queue.cancel(submitted.id)
        assert await told(queue, submitted.id) == ["task.cancelled"]


async def test_a_task_that_is_replaced_is_told(queue):
    [old] = await queue.submit([task(callback_url=URL, unique_key="k")])
    await queue.submit([task({"n": 2}, unique_key="k", on_conflict=OnConflict.REPLACE)])
    assert await told(queue, old.id) == ["task.cancelled"]


async def test_a_task_whose_worker_was_lost_for_good_is_told(queue):
    lost = await registered(queue, types=TYPES, lease_ms=1)
    claim = await claimed(queue, lost, max_retries=0)

    async def is_reaped():
        await queue.tick()
        return await told(queue, claim.id)

    assert await wait_until(is_reaped, describe="the lease expires") == ["task.dead"]


async def test_a_task_that_expired_is_told_and_its_webhook_found_by_the_worker_that_saw_it(queue):
    state = await registered(queue, types=TYPES)
    expired = datetime.now(UTC) - timedelta(seconds=1)
    [submitted] = await queue.submit([task(callback_url=URL, expires_at=expired)])
    reply = await queue.exchange(state, free=10)
    assert (reply.claims, reply.has_more) == ([], True)
    [claim] = (await queue.exchange(state, free=10)).claims
    assert claim.task_type == "webhook"
    assert await told(queue, submitted.id) == ["task.dead"]


async def test_a_hundred_endings_make_a_hundred_webhooks_in_order_within_the_budget(queue, store):
    state = await registered(queue, types=TYPES)
    submitted = await queue.submit(tasks(100, callback_url=URL))
    claims = (await queue.exchange(state, free=100)).claims
    store.config_resetstat()
    before = queue.calls
    reply = await queue.exchange(state, [ending(claim) for claim in claims], free=100)
    assert queue.calls - before <= 13
    if reply.has_more and not reply.claims:  # they did not fit
        await queue.exchange(state, free=100)
    made = await hooks(queue)
    assert len({one.id for one in made}) == 100
    running = [one for one in made if one.status is TaskStatus.RUNNING]
    assert len(running) == 100
    held = [json.loads(claim.payload)["task"]["id"] for claim in (await _again(queue, state)).claims]
    assert sorted(held) == sorted(one.id for one in submitted)


async def _again(queue, state):
    """The last answer once more: what the worker holds."""
    state.number -= 1
    return await queue.exchange(state, free=100)


class Calling:
    """The queue, where every submission has a callback."""

    def __init__(self, queue) -> None:
        self._queue = queue

    def __getattr__(self, name):
        return getattr(self._queue, name)

    async def submit(self, submissions, **more):
        return await self._queue.submit(
            [one.model_copy(update={"callback_url": URL}) for one in submissions], **more
        )


@pytest.mark.parametrize("seed", range(4))
async def test_no_history_tells_an_ending_twice_or_not_at_all(tcp_queues, store, seed):
    history = History(Calling(tcp_queues()), store, seed)
    steps = [history.submit] * 2 + [history.exchange] * 9 + [history.cancel] * 2
    steps += [history.start_worker, history.start_worker, history.kill, history.leave, history.tick]
    for number in range(150):
        await history.draw.choice(steps)()
        if number % 10 == 9:
            assert disorder(store) == []
    for state, _ in history.workers:
        await history.queue.leave(state)
    last, outcomes = await registered(history.queue, "a", "b", types=("noop", "rare", "webhook")), []

    async def all_ended():
        nonlocal outcomes
        reply = await history.queue.exchange(last, outcomes, free=100)
        outcomes = [ending(claim) for claim in reply.claims]
        counts = (await history.queue.overview()).counts
        return not any(counts[name] for name in ("pending", "scheduled", "running", "retrying"))

    await wait_until(all_ended, describe="everything ends")
    records = [store.get(key).split("\n") for key in store.scan_iter(match="{test:0}:t:*", count=10_000)]
    ended = sorted(json.loads(lines[2])["task"]["id"] for lines in records if " webhook " in lines[1])
    assert ended == sorted(set(history.ids))

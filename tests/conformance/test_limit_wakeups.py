"""Limits must strand nobody: whatever leaves without starting, what stands behind it still gets its turn."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from shared.models import Limit, RateLimit, TaskStatus
from tests.support.factories import ending, registered, task, tasks
from tests.support.waiting import wait_until

ONE = Limit(concurrency=1)


async def _drain(queue, state, free, holding=0):
    """All that this worker may claim now."""
    claims = []
    while True:
        reply = await queue.exchange(state, free=free - len(claims), holding=holding + len(claims))
        claims += reply.claims
        if not reply.has_more:
            return claims


async def _released(queue, **fields):
    """A key at its limit whose running task ended: the next of it is pending, not started; the rest is parked."""
    await queue.limit_keys("default", ONE, by="ops")
    items = await queue.submit([task({"n": n}, limit_key="k", **fields) for n in range(4)])
    busy = await registered(queue)
    [claim] = await _drain(queue, busy, 4)
    await queue.exchange(busy, [ending(claim)], free=0)
    return items[1:], busy


async def _goes_on(queue, left):
    """The rest of the key runs, one after the other, with an idle worker that only does what it is told."""
    state, order, outcomes = await registered(queue), [], []
    while True:
        reply = await queue.exchange(state, outcomes, free=1)
        outcomes = [ending(claim) for claim in reply.claims]
        order += [claim.id for claim in reply.claims]
        if not outcomes and not reply.has_more:
            break
    assert order == [item.id for item in left]


async def test_cancelling_the_next_lets_the_one_behind_it_start(queue):
    (first, *left), _ = await _released(queue)
    await queue.cancel(first.id)
    await _goes_on(queue, left)


async def test_deleting_the_next_lets_the_one_behind_it_start(queue):
    (first, *left), _ = await _released(queue)
    await queue.delete([first.id], by="ops")
    await _goes_on(queue, left)


async def test_putting_off_the_next_lets_the_one_behind_it_start(queue):
    (first, *left), _ = await _released(queue)
    now = (await queue.overview()).now.timestamp() * 1000
    assert await queue.edit(first.id, by="ops", run_at_ms=now + 3_600_000) is TaskStatus.SCHEDULED
    await _goes_on(queue, left)


async def test_replacing_the_next_lets_the_one_behind_it_start(queue):
    await queue.limit_keys("default", ONE, by="ops")
    items = await queue.submit([task({"n": n}, limit_key="k", unique_key=f"u{n}") for n in range(3)])
    busy = await registered(queue)
    [claim] = await _drain(queue, busy, 3)
    await queue.exchange(busy, [ending(claim)], free=0)
    [late] = await queue.submit(
        [task(limit_key="k", unique_key="u1", on_conflict="replace", delay_seconds=3600)]
    )
    assert (await queue.get(items[1].id)).status is TaskStatus.CANCELLED
    await _goes_on(queue, items[2:])
    assert (await queue.get(late.id)).status is TaskStatus.SCHEDULED


async def test_a_sleeper_is_told_when_the_next_of_a_key_is_cancelled(tcp_queues):
    queue = tcp_queues()
    (first, *_), _ = await _released(queue)
    await queue.pause("default", by="ops")
    idle = await registered(queue)
    reply = await queue.exchange(idle, free=1, want_cursor=True)
    await queue.cancel(first.id)
    assert await queue.wait(reply.cursor, 5_000)


async def test_one_that_expired_lets_the_one_behind_it_start(queue):
    await queue.limit_keys("default", ONE, by="ops")
    now = (await queue.overview()).now
    [running] = await queue.submit([task(limit_key="k", priority=9)])
    busy = await registered(queue)
    [claim] = await _drain(queue, busy, 1)
    assert claim.id == running.id
    soon = now + timedelta(milliseconds=400)
    expiring = await queue.submit(
        [task({"n": n}, limit_key="k", priority=8, expires_at=soon) for n in range(3)]
    )
    [last] = await queue.submit([task(limit_key="k", priority=2)])
    assert await _drain(queue, busy, 4, 1) == []  # all are parked

    async def is_late():
        return (await queue.overview()).now > soon

    await wait_until(is_late, describe="they have expired")
    claims = (await queue.exchange(busy, [ending(claim)], free=4)).claims
    for _ in range(10):
        if claims:
            break
        claims = await _drain(queue, busy, 4)
    assert [claim.id for claim in claims] == [last.id]
    assert [(await queue.get(item.id)).status for item in expiring] == [TaskStatus.DEAD] * 3


async def test_one_of_an_unknown_type_lets_the_one_behind_it_start(queue):
    await queue.limit_keys("default", ONE, by="ops")
    await queue.submit([task(limit_key="k", priority=9)])
    knowing = await registered(queue, types=("noop", "rare"))
    [claim] = await _drain(queue, knowing, 1)
    [rare] = await queue.submit([task(limit_key="k", priority=8, task_type="rare")])
    [last] = await queue.submit([task(limit_key="k", priority=2)])
    assert await _drain(queue, knowing, 2, 1) == []
    await queue.exchange(knowing, [ending(claim)], free=0)
    await queue.leave(knowing)
    other = await registered(queue)
    claims = await _drain(queue, other, 2)
    claims += await _drain(queue, other, 2 - len(claims), len(claims))
    assert [claim.id for claim in claims] == [last.id]
    assert (await queue.get(rare.id)).status is TaskStatus.PENDING


async def test_parked_types_are_all_brought_back_although_their_key_is_full(queue):
    await queue.limit_keys("default", ONE, by="ops")
    await queue.submit(tasks(150, limit_key="k", task_type="rare"))
    await queue.submit(tasks(3, limit_key="other", task_type="rare"))
    ignorant = await registered(queue)
    assert await _drain(queue, ignorant, 200) == []
    assert (await queue.overview()).queues[0].parked == 153
    knowing = await registered(queue, types=("rare",))
    assert len(await _drain(queue, knowing, 10)) == 2


async def test_a_wide_look_leaves_nothing_behind_for_many_slots(queue):
    """More slots than one exchange fills: what it popped and put back is still there for them."""
    await queue.limit_keys("default", ONE, by="ops")
    await queue.submit([*tasks(60, limit_key="k"), *tasks(130)])
    state = await registered(queue)
    assert len(await _drain(queue, state, 200)) == 131


async def test_a_wide_look_sets_the_timer_of_a_queue_that_may_start_no_more(queue, store):
    rate = Limit(rate=RateLimit(limit=1, period_seconds=3600, burst=2))
    await queue.limit_queue("default", rate, by="ops")
    await queue.limit_keys("default", ONE, by="ops")
    await queue.submit([*tasks(5, limit_key="k"), *tasks(5)])
    state = await registered(queue)
    assert len(await _drain(queue, state, 5)) == 2
    assert store.zscore("{test:0}:timers", "r:default")


@pytest.mark.parametrize("by_tick", [True, False])
async def test_a_due_refill_that_others_took_away_reaches_who_sleeps(tcp_queues, by_tick):
    """Whoever removes the timer does it for all: the key's task is pending, and the sleeper is woken."""
    queue = tcp_queues()
    rate = Limit(rate=RateLimit(limit=10, period_seconds=1, burst=1))
    await queue.limit_keys("default", rate, by="ops")
    await queue.submit(tasks(2, limit_key="k"))
    busy = await registered(queue)
    assert len(await _drain(queue, busy, 2)) == 1
    idle, stranger = await registered(queue), await registered(queue, "elsewhere")
    reply = await queue.exchange(idle, free=1, want_cursor=True)
    waiting = asyncio.create_task(queue.wait(reply.cursor, 20_000))

    async def is_taken_away():
        await (queue.tick() if by_tick else queue.exchange(stranger, free=1))
        return (await queue.key_limit("default", "k")).parked == 0

    await wait_until(is_taken_away, describe="the refill is due")
    assert any(fields.get("q") == "default" for _, fields in await waiting)
    assert len(await _drain(queue, idle, 1)) == 1

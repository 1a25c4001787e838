"""Sleeping workers are woken by what they need to know, and by nothing else. Waits exist over TCP only."""

from __future__ import annotations

import asyncio
import copy

import pytest

from shared.errors import ScriptFailed
from shared.models import TaskStatus
from tests.support.factories import ending, exchange_all, registered, task, tasks
from tests.support.waiting import wait_until


@pytest.fixture
def queue(waiting_queues):
    return waiting_queues()


async def _asleep(queue, store, *queues: str):
    """An idle worker that waits from its cursor: its state and the wait."""
    state = await registered(queue, *queues)
    reply = await queue.exchange(state, free=5, want_cursor=True)
    waiting = asyncio.create_task(queue.wait(reply.cursor, 20_000))
    await wait_until(
        lambda: "cmd=xread" in store.execute_command("CLIENT", "LIST"), describe="the wait blocks"
    )
    return state, waiting


def _length(store) -> int:
    return store.xlen("{test:0}:wakes")


async def test_a_wait_ends_empty_when_nothing_happens(queue):
    assert await queue.wait("0-0", 20) == []


async def test_submitting_wakes(queue, store):
    _, waiting = await _asleep(queue, store)
    await queue.submit([task(), task(queue="other")])
    [(_, fields)] = await waiting
    assert fields["q"].split() in (["default", "other"], ["other", "default"])


async def test_what_came_between_the_exchange_and_the_wait_is_not_missed(queue):
    state = await registered(queue)
    reply = await queue.exchange(state, free=5, want_cursor=True)
    await queue.submit([task()])
    entries = await queue.wait(reply.cursor, 20_000)
    assert [fields["q"] for _, fields in entries] == ["default"]


async def test_nothing_is_appended_under_load(queue, store):
    await queue.submit([task(priority=3)])
    length = _length(store)
    for _ in range(5):
        await queue.submit([*tasks(5, priority=3), task(priority=9)])
        await queue.submit(tasks(5, priority=3))
    state = await registered(queue)
    reply = await queue.exchange(state, free=3)
    for _ in range(5):
        reply = await queue.exchange(state, [ending(claim) for claim in reply.claims], free=3)
    assert _length(store) == length


async def test_a_delayed_submission_tells_its_due_time(queue, store):
    """Always: one entry costs as much as a look whether it is the first to fall due."""
    await queue.submit([task(delay_seconds=100)])
    state, waiting = await _asleep(queue, store)
    await queue.submit([task(delay_seconds=50)])
    [(_, fields)] = await waiting
    reply = await queue.exchange(state, free=5, want_cursor=True)
    assert fields == {"t": str(reply.next_due_ms)}


async def test_a_retry_that_is_due_first_wakes(queue, store):
    await queue.submit([task()])
    other = await registered(queue)
    [claim] = (await queue.exchange(other, free=1)).claims
    _, waiting = await _asleep(queue, store)
    await queue.exchange(other, [ending(claim, "f", delay_ms=1000)], free=0)
    [(_, fields)] = await waiting
    assert "t" in fields


async def test_a_lease_that_ends_first_wakes_so_that_a_guard_sleeps_no_longer(queue, store):
    holder = await registered(queue)
    state, waiting = await _asleep(queue, store, "another")
    await queue.submit([task()])
    reply = await queue.exchange(holder, free=1)
    entries = await waiting
    if not any("t" in fields for _, fields in entries):
        entries = await queue.wait(entries[-1][0], 20_000)
    assert [fields["t"] for _, fields in entries if "t" in fields] == [str(holder.lease_until)]
    assert (await queue.exchange(state, free=1)).next_due_ms == holder.lease_until
    assert len(reply.claims) == 1


async def test_cancelling_wakes_the_worker_that_runs_the_task(queue, store):
    [item] = await queue.submit([task()])
    state, waiting = await _asleep(queue, store)
    await queue.cancel(item.id)
    [(_, fields)] = await waiting
    assert fields == {"x": state.name}


async def test_leaving_with_tasks_wakes(queue, store):
    await queue.submit([task()])
    leaver = await registered(queue)
    await queue.exchange(leaver, free=1)
    _, waiting = await _asleep(queue, store)
    await queue.leave(leaver)
    [(_, fields)] = await waiting
    assert "t" in fields


async def test_handing_back_wakes(queue, store):
    await queue.submit([task()])
    other = await registered(queue)
    [claim] = (await queue.exchange(other, free=1)).claims
    _, waiting = await _asleep(queue, store)
    await queue.exchange(other, [ending(claim, "h")], free=0)
    [(_, fields)] = await waiting
    assert fields["q"] == "default"


async def test_parking_wakes_a_worker_that_may_know_the_type(queue, store):
    knowing, waiting = await _asleep(queue, store)
    knowing = copy.copy(knowing)
    alien = await registered(queue, types=("other",))
    await queue.submit([task()])
    [(cursor, _)] = await waiting
    await queue.exchange(alien, free=1)
    [(_, fields)] = await queue.wait(cursor, 20_000)
    assert fields["q"] == "default"
    assert len(await exchange_all(queue, knowing, free=1)) == 1


async def test_promotion_by_tick_wakes(queue, store):
    _, waiting = await _asleep(queue, store)
    [item] = await queue.submit([task(delay_seconds=0.05)])
    [(cursor, fields)] = await waiting
    assert "t" in fields

    async def is_promoted():
        await queue.tick()
        return (await queue.get(item.id)).status is TaskStatus.PENDING

    await wait_until(is_promoted, describe="the task is promoted")
    [(_, fields)] = await queue.wait(cursor, 20_000)
    assert fields["q"] == "default"


async def test_a_lease_is_told_where_there_are_others(queue, store):
    """A sleeper must not sleep past it; where one worker is all there is, nobody sleeps."""
    state, other = await registered(queue), await registered(queue)
    await queue.exchange(state, free=1)

    async def told_by_a_claim() -> int:
        await queue.submit([task(max_retries=0)])  # such a one is not handed over
        before = _length(store)
        [claim] = (await queue.exchange(state, free=1)).claims
        told = _length(store) - before
        await queue.exchange(state, [ending(claim)], free=1)
        assert await queue.renew(state, is_idle=True)
        return told

    assert await told_by_a_claim() == 1
    await queue.leave(other)
    assert await told_by_a_claim() == 0
    killed = await registered(queue, lease_ms=50)
    await queue.submit([task()])
    assert len((await queue.exchange(killed, free=1)).claims) == 1
    assert await told_by_a_claim() == 1

    async def is_reaped() -> bool:
        return len((await queue.exchange(state, free=0)).claims) == 0 and not store.zscore(
            "{test:0}:timers", f"w:{killed.name}"
        )

    await wait_until(is_reaped, describe="the other one is reaped")
    assert await told_by_a_claim() == 0


async def test_the_cursor_of_an_exchange_that_woke_others_is_its_own_entry(queue, store):
    await queue.submit([task()])
    state, _ = await registered(queue), await registered(queue)
    reply = await queue.exchange(state, free=5, want_cursor=False)
    assert reply.cursor == store.xrevrange("{test:0}:wakes", count=1)[0][0]
    assert (await queue.exchange(state, free=4, holding=1, want_cursor=False)).cursor == ""


async def test_the_stream_stays_short(queue, store):
    for _ in range(400):
        [item] = await queue.submit([task()])
        await queue.cancel(item.id)
    assert _length(store) <= 300


async def test_over_rest_there_is_no_waiting(rest_queues):
    with pytest.raises(ScriptFailed, match="a worker needs REDIS_URL"):
        await rest_queues().wait("0-0", 10)

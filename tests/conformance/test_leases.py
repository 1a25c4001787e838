"""Workers that die, leave, or come back late."""

from __future__ import annotations

import pytest

from shared.errors import StoreRefused
from shared.models import TaskStatus
from tests.support.factories import description, ending, registered, task, tasks, worker
from tests.support.waiting import wait_until

LEASE_MS = 200


async def _expired(queue, state) -> None:
    async def is_past():
        return (await queue.overview()).now.timestamp() * 1000 > state.lease_until

    await wait_until(is_past, describe="the lease has expired")


async def test_another_worker_takes_over_after_the_lease(queue):
    [item] = await queue.submit([task()])
    killed, other = await registered(queue, lease_ms=LEASE_MS), await registered(queue)
    await queue.exchange(killed, free=1)
    early = await queue.exchange(other, free=1)
    assert early.claims == []
    assert early.next_due_ms == killed.lease_until
    await _expired(queue, killed)
    reply = await queue.exchange(other, free=1)
    assert [(claim.id, claim.attempt) for claim in reply.claims] == [(item.id, 2)]
    stored = await queue.get(item.id)
    assert [(one.outcome, one.worker) for one in stored.attempts] == [
        ("lost", killed.name),
        ("running", other.name),
    ]
    assert stored.attempts[0].error.type == "WorkerLost"
    assert [one.name for one in (await queue.overview()).workers] == [other.name]


async def test_the_late_worker_is_told_and_changes_nothing(queue, store):
    [item] = await queue.submit([task()])
    late, other = await registered(queue, lease_ms=LEASE_MS), await registered(queue)
    [claim] = (await queue.exchange(late, free=1)).claims
    await _expired(queue, late)
    await queue.exchange(other, free=1)
    before = store.get(f"{{test:0}}:t:{item.id}")
    assert not await queue.renew(late, is_idle=False)
    reply = await queue.exchange(late, [ending(claim)], free=1)
    assert (reply.state, reply.claims) == ("lost", [])
    assert store.get(f"{{test:0}}:t:{item.id}") == before
    assert not store.hget("{test:0}:queues", f"*:+{late.name}")


async def test_a_late_worker_that_nobody_missed_goes_on(queue):
    [item] = await queue.submit([task()])
    late = await registered(queue, lease_ms=LEASE_MS)
    [claim] = (await queue.exchange(late, free=1)).claims
    await _expired(queue, late)
    reply = await queue.exchange(late, [ending(claim)], free=1)
    assert (reply.state, reply.lost) == ("ok", [])
    assert (await queue.get(item.id)).status is TaskStatus.COMPLETED


async def test_tick_reaps_without_workers(queue):
    [item] = await queue.submit([task()])
    killed = await registered(queue, lease_ms=LEASE_MS)
    await queue.exchange(killed, free=1)
    await _expired(queue, killed)
    assert await queue.tick() is False
    stored = await queue.get(item.id)
    assert (stored.status, stored.attempt) == (TaskStatus.PENDING, 1)


@pytest.mark.parametrize("by_tick", [True, False])
async def test_attempts_used_up_is_dead_with_worker_lost(queue, by_tick):
    [item] = await queue.submit([task(max_retries=0)])
    killed, other = await registered(queue, lease_ms=LEASE_MS), await registered(queue)
    await queue.exchange(killed, free=1)
    await _expired(queue, killed)
    if by_tick:
        await queue.tick()
    else:
        assert (await queue.exchange(other, free=1)).claims == []
    stored = await queue.get(item.id)
    assert (stored.status, stored.error.type) == (TaskStatus.DEAD, "WorkerLost")
    assert stored.finished_at is not None


async def test_more_tasks_than_one_slice_are_taken_back_in_several_calls(queue, store):
    await queue.submit(tasks(250))
    killed = await registered(queue, lease_ms=1000)
    held = []
    for _ in range(3):
        held += (await queue.exchange(killed, free=100, holding=len(held))).claims
    await _expired(queue, killed)
    assert await queue.tick() is True
    while await queue.tick():
        pass
    overview = await queue.overview()
    assert (overview.counts["pending"], overview.counts["running"], overview.workers) == (250, 0, [])
    assert not store.hget("{test:0}:queues", f"*:+{killed.name}")


async def test_a_worker_that_was_half_taken_back_is_lost(queue):
    """It must not go on with the other half: what it claimed next could be what was taken from it."""
    await queue.submit(tasks(150))
    slow = await registered(queue, lease_ms=1000)
    claims = (await queue.exchange(slow, free=100)).claims
    claims += (await queue.exchange(slow, free=100, holding=100)).claims
    await _expired(queue, slow)
    assert await queue.tick() is True
    statuses = {claim.id: (await queue.get(claim.id)).status for claim in claims}
    taken = [claim for claim in claims if statuses[claim.id] is TaskStatus.PENDING]
    assert len(taken) == 100
    reply = await queue.exchange(slow, [ending(claim) for claim in taken], free=0, holding=50, maintain=False)
    assert (reply.state, reply.claims) == ("lost", [])
    assert await queue.tick() is False
    assert (await queue.overview()).counts["pending"] == 150


async def test_five_dead_workers_are_reaped_one_a_call(queue):
    await queue.submit(tasks(5))
    killed = [await registered(queue, lease_ms=LEASE_MS) for _ in range(5)]
    for state in killed:
        await queue.exchange(state, free=1, maintain=False)
    await _expired(queue, killed[-1])
    assert [await queue.tick() for _ in range(5)] == [True, True, True, True, False]
    assert (await queue.overview()).counts["pending"] == 5


async def test_renew_keeps_the_lease(queue):
    await queue.submit([task()])
    state = await registered(queue, lease_ms=LEASE_MS)
    await queue.exchange(state, free=1)
    first = state.lease_until
    for _ in range(3):
        assert await queue.renew(state, is_idle=False)
    assert state.lease_until >= first
    await wait_until(lambda: _is_past(queue, first), describe="the first lease is over")
    assert await queue.renew(state, is_idle=False)
    await queue.tick()
    assert (await queue.overview()).counts["running"] == 1


async def _is_past(queue, ms: int) -> bool:
    return (await queue.overview()).now.timestamp() * 1000 > ms


async def test_an_exchange_renews_the_lease_when_a_third_has_passed(queue):
    await queue.submit([task()])
    state = await registered(queue, lease_ms=300)
    await queue.exchange(state, free=1)
    first = state.lease_until
    await queue.exchange(state, free=0, holding=1)
    await wait_until(lambda: _is_past(queue, first - 190), describe="a third of the lease has passed")
    await queue.exchange(state, free=0, holding=1)
    assert state.lease_until > first


async def test_an_idle_worker_is_present_for_minutes(queue):
    state = await registered(queue, lease_ms=LEASE_MS)
    reply = await queue.exchange(state, free=1)
    assert state.lease_until - reply.now_ms > 299_000
    assert await queue.renew(state, is_idle=True)
    assert state.lease_until - reply.now_ms > 299_000


async def test_leaving_with_nothing_leaves_no_trace(queue, store):
    state = await registered(queue)
    await queue.exchange(state, free=1)
    assert await queue.leave(state) == 0
    assert await queue.leave(state) == 0
    assert (await queue.overview()).workers == []
    assert not store.exists("{test:0}:timers")
    assert store.hmget("{test:0}:queues", f"*:+{state.name}", f"*:={state.name}") == [None, None]


async def test_leaving_with_tasks_gives_them_to_others_at_once(queue):
    items = await queue.submit(tasks(2))
    state, other = await registered(queue), await registered(queue)
    await queue.exchange(state, free=2)
    assert await queue.leave(state) == 2
    reply = await queue.exchange(other, free=2)
    assert {claim.id for claim in reply.claims} == {item.id for item in items}


async def test_256_workers_are_the_most_and_a_repeat_of_the_last_is_welcome(queue):
    states = [await registered(queue) for _ in range(256)]
    await queue.register(states[-1], description(states[-1]), {})
    late = worker()
    with pytest.raises(StoreRefused, match="256 workers are registered"):
        await queue.register(late, description(late), {})
    assert len((await queue.overview()).workers) == 256


async def test_a_worker_that_never_exchanged_is_forgotten_when_its_presence_ends(queue, store):
    state = await registered(queue)
    store.zadd("{test:0}:timers", {f"w:{state.name}": 1})
    await queue.tick()
    assert (await queue.overview()).workers == []
    await queue.submit(tasks(1))
    late = await queue.exchange(state, free=1)
    assert (late.state, late.claims) == ("lost", []), "it lives after all: it registers anew"


async def test_a_renewal_of_an_idle_worker_that_comes_after_a_claim_sets_a_lease(queue, store):
    """It was sent before the claim, on a connection of its own, and was slower."""
    [item] = await queue.submit([task()])
    state = await registered(queue, lease_ms=LEASE_MS)
    [claim] = (await queue.exchange(state, free=1)).claims
    assert claim.id == item.id
    now_ms = await queue.renew(state, is_idle=True)
    assert store.zscore("{test:0}:timers", f"w:{state.name}") == now_ms + LEASE_MS
    await queue.exchange(state, [ending(claim)], free=0)
    now_ms = await queue.renew(state, is_idle=True)
    assert store.zscore("{test:0}:timers", f"w:{state.name}") > now_ms + 100_000

"""Limits of queues and of limit keys: how many run at once, how often they start, parked without polling."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from shared.errors import Conflict, InvalidInput
from shared.models import Limit, RateLimit, TaskStatus
from shared.queue.cursors import TaskFilter
from shared.queue.limiting import read_limit, write_limit
from tests.support.factories import ending, registered, task, tasks
from tests.support.waiting import wait_until

KEY = "Ärzte 42/%:*"
SLOW = Limit(rate=RateLimit(limit=1, period_seconds=3600))


async def _drain(queue, state, free, holding=0):
    """All that this worker may claim now."""
    claims = []
    while True:
        reply = await queue.exchange(state, free=free - len(claims), holding=holding + len(claims))
        claims += reply.claims
        if not reply.has_more and not 0 < reply.next_due_ms <= reply.now_ms:
            return claims


@pytest.mark.parametrize(
    "limit",
    [
        Limit(concurrency=3),
        Limit(rate=RateLimit(limit=10, period_seconds=1.0, burst=4)),
        Limit(concurrency=1, rate=RateLimit(limit=1, period_seconds=7.5, burst=1)),
        Limit(rate=RateLimit(limit=1000, period_seconds=1.0, burst=100)),
    ],
)
def test_a_limit_is_read_as_it_was_written(limit):
    assert read_limit(write_limit(limit)) == limit


def test_no_bound_is_no_limit():
    assert write_limit(None) == write_limit(Limit()) == ""


# -- of a queue


async def test_a_queue_never_runs_more_than_its_limit_on_all_workers_together(queue):
    await queue.limit_queue("default", Limit(concurrency=3), by="ops")
    await queue.submit(tasks(10))
    one, other = await registered(queue), await registered(queue)
    first = await _drain(queue, one, 2)
    second = await _drain(queue, other, 10)
    assert (len(first), len(second)) == (2, 1)
    reply = await queue.exchange(one, [ending(first[0])], free=1, holding=1)
    assert len(reply.claims) == 1
    assert (await queue.overview()).queues[0].running == 3


async def test_it_does_not_hold_up_another_queue(queue):
    await queue.limit_queue("slow", Limit(concurrency=1), by="ops")
    await queue.submit([*tasks(5, queue="slow"), *tasks(5, queue="fast")])
    state = await registered(queue, "slow", "fast")
    claims = await _drain(queue, state, 10)
    assert sorted(claim.queue for claim in claims) == ["fast"] * 5 + ["slow"]


async def test_a_release_wakes_a_sleeper_when_the_releaser_takes_nothing(tcp_queues, store):
    queue = tcp_queues()
    await queue.limit_queue("default", Limit(concurrency=1), by="ops")
    await queue.submit(tasks(2))
    busy, idle = await registered(queue), await registered(queue)
    [claim] = await _drain(queue, busy, 5)
    reply = await queue.exchange(idle, free=5, want_cursor=True)
    assert (reply.claims, reply.has_more) == ([], False)
    waiting = asyncio.create_task(queue.wait(reply.cursor, 20_000))
    await queue.exchange(busy, [ending(claim)], free=0)
    assert any(fields.get("q") == "default" for _, fields in await waiting)
    assert len(await _drain(queue, idle, 5)) == 1


async def test_a_dead_worker_frees_the_limit(queue):
    await queue.limit_queue("default", Limit(concurrency=2), by="ops")
    await queue.submit(tasks(4))
    dying, other = await registered(queue, lease_ms=200), await registered(queue)
    lost = await _drain(queue, dying, 5)
    assert len(lost) == 2
    claims = []

    async def taken_over():
        claims.extend(await _drain(queue, other, 5 - len(claims), len(claims)))
        return claims

    await wait_until(taken_over, describe="the lease has expired")
    assert len(claims) == 2


async def test_raising_a_limit_and_lifting_it_works_at_once(tcp_queues):
    queue = tcp_queues()
    await queue.limit_queue("default", Limit(concurrency=1), by="ops")
    await queue.submit(tasks(5))
    state = await registered(queue)
    claims = await _drain(queue, state, 5)
    cursor = (await queue.exchange(state, free=4, holding=1, want_cursor=True)).cursor
    await queue.limit_queue("default", Limit(concurrency=3), by="ops")
    assert await queue.wait(cursor, 20_000)
    claims += await _drain(queue, state, 4, 1)
    assert len(claims) == 3
    await queue.limit_queue("default", None, by="ops")
    assert len(await _drain(queue, state, 2, 3)) == 2
    assert (await queue.overview()).queues[0].limit is None


async def test_a_rate_lets_start_what_it_allows_and_sets_a_timer(queue, store):
    await queue.limit_queue("default", Limit(rate=RateLimit(limit=1, period_seconds=3600, burst=2)), by="ops")
    await queue.submit(tasks(5))
    state = await registered(queue)
    assert len(await _drain(queue, state, 5)) == 2
    reply = await queue.exchange(state, free=3, holding=2)
    assert reply.claims == []
    due = store.zscore("{test:0}:timers", "r:default")
    assert 3_500_000 < due - reply.now_ms < 3_600_000
    assert 0 < reply.next_due_ms <= due


async def test_a_rate_refills_and_the_timer_brings_the_next(queue):
    await queue.limit_queue("default", Limit(rate=RateLimit(limit=20, period_seconds=1, burst=1)), by="ops")
    await queue.submit(tasks(4))
    state = await registered(queue)
    claims, started = [], []

    async def all_claimed():
        reply = await queue.exchange(state, free=4 - len(claims), holding=len(claims))
        claims.extend(reply.claims)
        started.extend(claim.started_ms for claim in reply.claims)
        return len(claims) == 4

    await wait_until(all_claimed, describe="all four started")
    assert all(later - earlier >= 49 for earlier, later in pairwise(started))


# -- of limit keys


async def test_a_key_never_runs_more_than_its_limit_and_harms_nobody(queue):
    await queue.limit_keys("default", Limit(concurrency=3), by="ops")
    await queue.submit(tasks(50, limit_key=KEY))
    free = await queue.submit(tasks(10))
    one, other = await registered(queue), await registered(queue)
    claims = await _drain(queue, one, 8) + await _drain(queue, other, 8)
    limited = [claim for claim in claims if claim.id not in {item.id for item in free}]
    assert (len(limited), len(claims)) == (3, 13)
    assert (await queue.overview()).queues[0].parked == 47
    assert (await queue.overview()).counts["pending"] == 47
    state = await queue.key_limit("default", KEY)
    assert (state.running, state.parked, state.limit, state.held_until) == (3, 47, None, None)


async def test_parked_tasks_are_read_listed_and_cancelled_as_pending(queue):
    await queue.limit_keys("default", Limit(concurrency=1), by="ops")
    items = await queue.submit(tasks(30, limit_key=KEY, priority=7))
    state = await registered(queue)
    await _drain(queue, state, 5)
    page = await queue.list_tasks(TaskFilter(TaskStatus.PENDING), limit=20)
    rest = await queue.list_tasks(TaskFilter(TaskStatus.PENDING), limit=20, cursor=page.next_cursor)
    assert [one.id for one in page.tasks + rest.tasks] == [item.id for item in items[1:]]
    assert (await queue.get(items[5].id)).limit_key == KEY
    assert await queue.cancel(items[5].id) is TaskStatus.CANCELLED
    assert (await queue.edit(items[6].id, by="ops", priority=9)) is TaskStatus.PENDING
    await queue.delete([items[7].id], by="ops")


async def test_a_release_lets_the_next_of_the_key_start_in_order_of_service(queue):
    await queue.limit_keys("default", Limit(concurrency=1), by="ops")
    low = await queue.submit(tasks(2, limit_key=KEY, priority=2))
    high = await queue.submit(tasks(2, limit_key=KEY, priority=8))
    state = await registered(queue)
    order, claims = [], await _drain(queue, state, 5)
    while claims:
        order += [claim.id for claim in claims]
        assert len(claims) == 1
        reply = await queue.exchange(state, [ending(claims[0])], free=5)
        claims = reply.claims
    assert order == [item.id for item in [*high, *low]]
    assert (await queue.key_limit("default", KEY)).parked == 0


@pytest.mark.parametrize("kind", list("cfxkshw"))
async def test_every_ending_of_an_attempt_frees_the_key(queue, kind):
    await queue.limit_keys("default", Limit(concurrency=1), by="ops")
    await queue.submit([task(limit_key=KEY)])
    state = await registered(queue)
    [claim] = await _drain(queue, state, 1)
    await queue.exchange(state, [ending(claim, kind, delay_ms=60_000)], free=0)
    assert (await queue.key_limit("default", KEY)).running == 0


async def test_a_repeated_exchange_counts_once(queue):
    await queue.limit_keys("default", Limit(concurrency=2), by="ops")
    await queue.submit(tasks(5, limit_key=KEY))
    state = await registered(queue)
    first = await queue.exchange(state, free=5)
    state.number -= 1
    again = await queue.exchange(state, free=5)
    assert (again.state, again.claims) == ("replay", first.claims)
    assert (await queue.key_limit("default", KEY)).running == 2


async def test_a_dead_worker_frees_its_keys(queue):
    await queue.limit_keys("default", Limit(concurrency=1), by="ops")
    await queue.submit([task({"n": n}, limit_key=f"k{n % 10}") for n in range(40)])
    dying, other = await registered(queue, lease_ms=300), await registered(queue)
    lost = await _drain(queue, dying, 20)
    assert len(lost) == 10
    claims = []

    async def taken_over():
        claims.extend(await _drain(queue, other, 20 - len(claims), len(claims)))
        return len(claims) >= 10

    await wait_until(taken_over, describe="the lease has expired")
    assert len(claims) == 10


async def test_hundreds_of_keys_are_freed_in_slices_and_none_is_forgotten(queue):
    await queue.limit_keys("default", Limit(concurrency=1), by="ops")
    await queue.submit([task({"n": n}, limit_key=f"k{n % 100}") for n in range(300)])
    state = await registered(queue)
    claims, done = await _drain(queue, state, 100), 0
    while claims:
        assert len({claim.id for claim in claims}) == len(claims) <= 100
        done += len(claims)
        reply = await queue.exchange(state, [ending(claim) for claim in claims], free=100)
        claims = list(reply.claims)
        while reply.has_more:
            reply = await queue.exchange(state, free=100 - len(claims), holding=len(claims))
            claims += reply.claims
    assert done == 300


async def test_an_own_limit_wins_and_can_be_lifted(queue):
    await queue.limit_keys("default", Limit(concurrency=1), by="ops")
    await queue.limit_key("default", "big", Limit(concurrency=4), by="ops")
    await queue.submit([*tasks(9, limit_key="big"), *tasks(9, limit_key="small")])
    state = await registered(queue)
    assert len(await _drain(queue, state, 20)) == 5
    assert (await queue.key_limit("default", "big")).limit == Limit(concurrency=4)
    await queue.limit_key("default", "small", Limit(concurrency=2), by="ops")
    assert len(await _drain(queue, state, 15, 5)) == 1
    await queue.limit_key("default", "small", None, by="ops")
    assert await _drain(queue, state, 14, 6) == []
    page = await queue.key_limits("default")
    assert [(one.key, one.running, one.parked) for one in page.keys] == [("big", 4, 5), ("small", 2, 7)]


async def test_lifting_the_limit_of_all_keys_brings_back_everything_that_is_parked(queue):
    await queue.limit_keys("default", Limit(concurrency=1), by="ops")
    await queue.submit([task({"n": n}, limit_key=f"k{n % 7}") for n in range(350)])
    state = await registered(queue)
    claims = await _drain(queue, state, 100)
    assert len(claims) == 7
    await queue.limit_keys("default", None, by="ops")
    done = 0
    while True:
        reply = await queue.exchange(state, [ending(claim) for claim in claims], free=100)
        done += len(claims)
        claims = reply.claims
        if not claims and not reply.has_more:
            break
    assert done == 350


async def test_raising_the_limit_of_all_keys_starts_only_what_it_allows(queue):
    await queue.limit_keys("default", Limit(concurrency=1), by="ops")
    await queue.submit([task({"n": n}, limit_key=f"k{n % 3}") for n in range(300)])
    state = await registered(queue)
    assert len(await _drain(queue, state, 50)) == 3
    await queue.limit_keys("default", Limit(concurrency=2), by="ops")
    assert len(await _drain(queue, state, 47, 3)) == 3


async def test_a_rate_of_a_key_parks_and_its_timer_brings_the_next(queue, store):
    rate = Limit(rate=RateLimit(limit=20, period_seconds=1, burst=1))
    await queue.limit_keys("default", rate, by="ops")
    await queue.submit([*tasks(3, limit_key="a"), *tasks(2)])
    state = await registered(queue)
    claims = []

    async def all_claimed():
        reply = await queue.exchange(state, free=5 - len(claims), holding=len(claims))
        claims.extend(reply.claims)
        return len(claims) == 5

    await wait_until(all_claimed, describe="all five started")
    started = [claim.started_ms for claim in claims if claim.payload in ('{"n":0}', '{"n":1}', '{"n":2}')]
    assert sorted(started)[-1] - sorted(started)[0] >= 99


async def test_a_slower_rate_that_was_lifted_holds_nobody(queue):
    await queue.limit_keys("default", SLOW, by="ops")
    await queue.submit(tasks(3, limit_key="a"))
    state = await registered(queue)
    assert len(await _drain(queue, state, 3)) == 1
    fast = Limit(rate=RateLimit(limit=1000, period_seconds=1, burst=10))
    await queue.limit_keys("default", fast, by="ops")
    claims = []

    async def all_claimed():
        claims.extend(await _drain(queue, state, 2 - len(claims), 1 + len(claims)))
        return len(claims) == 2

    await wait_until(all_claimed, describe="the other two started")


async def test_rate_limited_holds_the_key_for_all_workers_and_nobody_else(queue):
    await queue.submit([*tasks(3, limit_key="a"), *tasks(2, limit_key="b")])
    one, other = await registered(queue), await registered(queue)
    [claim] = await _drain(queue, one, 1)
    await queue.exchange(one, [ending(claim, "w", delay_ms=300)], free=0)
    stored = await queue.get(claim.id)
    assert (stored.status, stored.attempt) == (TaskStatus.SCHEDULED, 0)
    others = await _drain(queue, other, 10)
    assert len(others) == 2
    assert {(await queue.get(one.id)).limit_key for one in others} == {"b"}
    assert (await queue.key_limit("default", "a")).held_until is not None
    claims = []

    async def all_claimed():
        claims.extend(await _drain(queue, other, 8 - len(claims), 2 + len(claims)))
        return len(claims) == 3

    await wait_until(all_claimed, describe="the hold has ended")
    assert (await queue.key_limit("default", "a")).held_until is None


@pytest.mark.parametrize("way", ["cancel", "delete", "later", "expire", "unknown"])
async def test_who_leaves_before_its_turn_leaves_room_for_the_parked(queue, way):
    """What came back from the parked may never start: the others of its key must not wait for it."""
    await queue.limit_keys("default", Limit(concurrency=2), by="ops")
    soon = datetime.now(UTC) + timedelta(seconds=1) if way == "expire" else None
    kind = "alien" if way == "unknown" else "noop"
    one = await registered(queue, types=("noop", "alien"))
    await queue.submit(tasks(2, limit_key="a"))
    first = await _drain(queue, one, 10)
    items = await queue.submit(tasks(2, limit_key="a", expires_at=soon, task_type=kind))
    others = await queue.submit(tasks(6, limit_key="a"))
    assert await _drain(queue, one, 8, 2) == []
    await queue.exchange(one, [ending(claim) for claim in first], free=0)
    ids = [item.id for item in items]
    if way == "cancel":
        for task_id in ids:
            await queue.cancel(task_id)
    elif way == "delete":
        await queue.delete(ids, by="ops")
    elif way == "later":
        for task_id in ids:
            await queue.edit(task_id, by="ops", run_at_ms=4e12)
    elif way == "expire":
        await asyncio.sleep(max(0.0, (soon - datetime.now(UTC)).total_seconds()) + 0.01)
    other = await registered(queue)
    claims = await _drain(queue, other, 10)
    assert {claim.id for claim in claims} == {item.id for item in others[:2]}


async def test_a_priced_exchange_with_keys_stays_within_its_bound(tcp_queues, store):
    queue = tcp_queues()
    await queue.limit_keys("default", Limit(concurrency=1, rate=RateLimit(limit=1000, burst=100)), by="ops")
    await queue.submit([task({"n": n}, limit_key=f"k{n % 100}") for n in range(300)])
    state = await registered(queue)
    claims = await _drain(queue, state, 100)
    for _ in range(3):
        before = queue.calls
        reply = await queue.exchange(state, [ending(claim) for claim in claims], free=100)
        assert queue.calls - before <= 28
        claims = list(reply.claims)


async def test_what_is_wrong_is_told(queue):
    with pytest.raises(InvalidInput, match="queue"):
        await queue.limit_queue("no queue", Limit(concurrency=1), by="ops")
    with pytest.raises(InvalidInput, match="key"):
        await queue.limit_key("default", "", Limit(concurrency=1), by="ops")
    with pytest.raises(InvalidInput, match="cursor"):
        await queue.key_limits("default", cursor="x")


async def test_own_limits_are_bounded(queue, store):
    await queue.limit_key("default", "first", Limit(concurrency=1), by="ops")
    store.hset("{test:0}:queues", "default:!", '{"own":"1000"}')
    with pytest.raises(Conflict, match="1,000 keys"):
        await queue.limit_key("default", "second", Limit(concurrency=1), by="ops")
    await queue.limit_key("default", "first", Limit(concurrency=2), by="ops")
    await queue.limit_key("default", "first", None, by="ops")
    await queue.limit_key("default", "second", Limit(concurrency=1), by="ops")


async def test_a_short_hold_does_not_hasten_what_the_rate_forbids(queue):
    await queue.limit_keys("default", SLOW, by="ops")
    await queue.submit(tasks(2, limit_key=KEY))
    state = await registered(queue)
    [claim] = (await queue.exchange(state, free=5)).claims
    await queue.exchange(state, [ending(claim, "w", delay_ms=60_000)], free=0)
    held = (await queue.key_limit("default", KEY)).held_until
    assert held > datetime.now(UTC) + timedelta(minutes=50)


async def test_a_release_and_a_lifted_limit_in_one_exchange_bring_a_task_back_once(queue):
    await queue.limit_keys("default", Limit(concurrency=1), by="ops")
    await queue.submit(tasks(2, limit_key=KEY))
    state = await registered(queue)
    [claim] = (await queue.exchange(state, free=5)).claims
    await queue.limit_keys("default", None, by="ops")
    reply = await queue.exchange(state, [ending(claim)], free=0)
    assert (await queue.overview()).counts["pending"] == 1
    assert len(reply.claims + await _drain(queue, state, 1)) == 1
    assert (await queue.overview()).counts["pending"] == 0

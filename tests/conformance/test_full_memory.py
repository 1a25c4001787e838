"""Redis has no memory left: what is new is refused whole, what is there drains."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from shared.errors import StoreFull
from shared.models import TaskStatus
from tests.support.factories import ending, exchange_all, registered, task, tasks
from tests.support.waiting import wait_until


@pytest.fixture
def fill(store) -> Iterator[Callable[[], None]]:
    """From the call on the server has more in use than it may: it refuses what could grow."""
    yield lambda: store.config_set("maxmemory", "1")
    store.config_set("maxmemory", "0")


@pytest.mark.parametrize("count", [1, 300, 1000])
async def test_a_submission_is_refused_whole(queue, store, fill, count):
    await queue.submit([task()])
    stored = {key: store.dump(key) for key in store.scan_iter()}
    fill()
    with pytest.raises(StoreFull, match="nothing was stored"):
        await queue.submit(tasks(count))
    with pytest.raises(StoreFull):
        await queue.submit(tasks(min(count, 500), delay_seconds=9))
    with pytest.raises(StoreFull):
        await queue.submit([task({"t": "x" * 20_000})] * min(count, 100))
    assert {key: store.dump(key) for key in store.scan_iter()} == stored


async def test_a_partly_repeated_submission_is_refused_whole(queue, store, fill):
    keyed = [task({"n": n}, idempotency_key=f"k{n}") for n in range(10)]
    known = await queue.submit(keyed[:5])
    before = store.dbsize()
    fill()
    with pytest.raises(StoreFull):
        await queue.submit(keyed)
    assert store.dbsize() == before
    with pytest.raises(StoreFull):
        await queue.submit(keyed[:5])
    assert [(await queue.get(item.id)).status for item in known] == [TaskStatus.PENDING] * 5


async def test_work_drains(queue, fill):
    await queue.submit(tasks(250))
    state = await registered(queue)
    fill()
    claims, done = [], 0
    while True:
        reply = await queue.exchange(state, [ending(claim) for claim in claims], free=100)
        claims = reply.claims
        done += len(claims)
        if not claims:
            break
    assert done == 250
    assert (await queue.overview()).counts["completed"] == 250


@pytest.mark.parametrize("kind", ["c", "f", "x", "k", "s", "h"])
async def test_every_outcome_is_taken(queue, fill, kind):
    [item] = await queue.submit([task()])
    state = await registered(queue)
    [claim] = (await queue.exchange(state, free=1)).claims
    fill()
    reply = await queue.exchange(state, [ending(claim, kind, delay_ms=60_000)], free=0)
    assert (reply.state, reply.lost) == ("ok", [])
    assert (await queue.get(item.id)).status is not TaskStatus.RUNNING


async def test_the_lease_holds_by_exchange_and_by_renewal(queue, fill):
    await queue.submit([task()])
    state = await registered(queue, lease_ms=300)
    await queue.exchange(state, free=1)
    first = state.lease_until
    fill()
    await wait_until(lambda: _now_is_past(queue, first - 190), describe="a third of the lease has passed")
    await queue.exchange(state, free=0, holding=1)
    assert state.lease_until > first
    assert await queue.renew(state, is_idle=False)


async def _now_is_past(queue, ms: int) -> bool:
    return (await queue.overview()).now.timestamp() * 1000 > ms


async def test_a_new_worker_can_start_and_an_old_one_leave(queue, fill):
    items = await queue.submit(tasks(2))
    old = await registered(queue)
    await queue.exchange(old, free=1)
    fill()
    new = await registered(queue)
    assert await queue.leave(old) == 1
    assert {claim.id for claim in await exchange_all(queue, new, free=2)} == {item.id for item in items}


async def test_cancelling_works_in_every_status(queue, fill):
    running, pending, delayed = await queue.submit([task(priority=9), task(), task(delay_seconds=60)])
    state = await registered(queue)
    await queue.exchange(state, free=1)
    fill()
    assert await queue.cancel(running.id) is TaskStatus.RUNNING
    assert await queue.cancel(pending.id) is TaskStatus.CANCELLED
    assert await queue.cancel(delayed.id) is TaskStatus.CANCELLED
    assert (await queue.exchange(state, free=0, holding=1)).cancelled == [running.id]


async def test_tick_promotes_reaps_and_trims(queues, fill):
    queue = queues(retention_s=1)
    ended, held, later = await queue.submit([task(priority=9), task(), task(delay_seconds=0.01)])
    state = await registered(queue, lease_ms=200)
    claims = (await queue.exchange(state, free=2)).claims
    await queue.exchange(state, [ending(claims[0])], free=0, holding=1)
    fill()

    async def all_done():
        await queue.tick()
        overview = await queue.overview()
        return overview.counts["pending"] == 2 and overview.counts["completed"] == 0

    await wait_until(all_done, describe="one promoted, one taken back, one trimmed")
    assert (await queue.get(held.id)).attempt == 1
    assert (await queue.get(later.id)).status is TaskStatus.PENDING
    assert ended.id == claims[0].id


@pytest.mark.parametrize("kind", ["h", "c"])
async def test_what_comes_to_an_empty_queue_in_an_exchange_that_claims(queue, fill, kind):
    """Handed back, or told by a webhook: it is pending before the claim, so a write is needed that early."""
    await queue.submit([task(callback_url="https://example.org/hook", unique_key="u")])
    state = await registered(queue, types=("noop", "webhook"))
    [claim] = (await queue.exchange(state, free=1)).claims
    fill()
    reply = await queue.exchange(state, [ending(claim, kind)], free=1, maintain=False)
    assert (reply.state, reply.lost) == ("ok", [])
    claims = reply.claims or await exchange_all(queue, state, free=1)
    assert [one.task_type for one in claims] == ["noop" if kind == "h" else "webhook"]


@pytest.mark.parametrize("by_tick", [True, False])
async def test_a_worker_that_held_more_than_one_call_takes_back(queue, store, fill, by_tick):
    await queue.submit(tasks(150))
    gone, other = await registered(queue), await registered(queue)
    for _ in range(2):
        await queue.exchange(gone, free=100)
    store.zadd("{test:0}:timers", {f"w:{gone.name}": 1})
    fill()
    has_more = True
    while has_more:
        has_more = await queue.tick() if by_tick else (await queue.exchange(other, free=0)).has_more
    assert (await queue.overview()).counts["pending"] == 150


@pytest.mark.parametrize("is_full", [True, False])
async def test_a_lua_without_pcall_removes_in_any_case(tcp_queues, fill, monkeypatch, is_full):
    queue = tcp_queues()
    await queue.submit([task()])
    state = await registered(queue)
    [claim] = (await queue.exchange(state, free=1)).claims
    run = queue.transport.run

    async def without(script, keys, args):
        body = script.body.replace("redis.pcall", "redis.none")
        sha = hashlib.sha1(body.encode(), usedforsecurity=False).hexdigest()
        return await run(replace(script, body=body, sha=sha), keys, args)

    monkeypatch.setattr(queue.transport, "run", without)
    if is_full:
        fill()
    before = queue.calls
    await queue.exchange(state, [ending(claim)], free=0, maintain=False)
    assert queue.calls - before == 10  # one for that, one for the timer of the first that ended
    monkeypatch.undo()
    assert (await queue.get(claim.id)).status is TaskStatus.COMPLETED

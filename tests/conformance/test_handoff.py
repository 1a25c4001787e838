"""A lone task is claimed by its own submission for a worker with a free slot; it starts once, whatever is lost."""

from __future__ import annotations

import pytest

from shared.models import Limit, TaskStatus
from tests.support.factories import ending, registered, task, tasks
from tests.support.invariants import disorder
from tests.support.waiting import wait_until

QUEUES = "{test:0}:queues"


@pytest.fixture
async def idle(queue):
    """A worker that waits, with a queue into which a lone task was submitted last."""
    state = await registered(queue, lease_ms=30_000)
    await queue.exchange(state, free=2)
    await queue.submit([task()])
    [claim] = (await queue.exchange(state, free=2)).claims
    await queue.exchange(state, [ending(claim)], free=2)
    return state


@pytest.fixture
def told(store):
    """The fields of the newest wake-up."""
    return lambda: store.xrevrange("{test:0}:wakes", count=1)[0][1]


@pytest.fixture
def silent_for(store):
    """Makes the idle worker's last exchange so many ms older."""

    def age(ms: int) -> None:
        head, bar, rest = store.hget(QUEUES, "*:i").partition("|")
        words = head.split()
        words[4] = str(int(words[4]) - ms)
        store.hset(QUEUES, "*:i", " ".join(words) + bar + rest)

    return age


def _taken(state, fields):
    return [*(state.take_handed(fields["h"], fields["r"]) or [])]


async def test_the_wake_up_brings_the_task(queue, store, idle, told):
    [item] = await queue.submit([task({"n": 1})])
    assert item.status is TaskStatus.PENDING
    running = await queue.get(item.id)
    assert (running.status, running.worker, running.attempt) == (TaskStatus.RUNNING, idle.name, 1)
    [claim] = _taken(idle, told())
    assert (claim.id, claim.payload, claim.attempt) == (item.id, '{"n":1}', 1)
    assert idle.lease_until == pytest.approx(store.zscore("{test:0}:timers", f"w:{idle.name}"))
    assert disorder(store) == []
    reply = await queue.exchange(idle, [ending(claim)], free=2)
    assert not reply.claims
    assert not reply.lost
    assert not idle.handed
    assert (await queue.get(item.id)).status is TaskStatus.COMPLETED


async def test_an_exchange_returns_what_was_not_read(queue, idle, told):
    [item] = await queue.submit([task()])
    fields = told()
    reply = await queue.exchange(idle, free=2)
    assert [claim.id for claim in reply.claims] == [item.id]
    assert _taken(idle, fields) == [], "read late: it runs already"
    again = await queue.exchange(idle, [ending(reply.claims[0])], free=2)
    assert not again.claims
    assert _taken(idle, fields) == [], "read very late: it has ended"


async def test_it_takes_a_slot_of_the_exchange_that_returns_it(queue, idle):
    [item] = await queue.submit([task()])
    others = await queue.submit(tasks(3))
    reply = await queue.exchange(idle, free=2)
    assert {claim.id for claim in reply.claims} == {item.id, others[0].id}


async def test_it_is_returned_until_the_worker_says_that_it_knows(queue, idle):
    [item] = await queue.submit([task()])
    before = (idle.number, idle.lease_until, set(idle.handed))
    await queue.exchange(idle, free=1)
    idle.number, idle.lease_until, idle.handed = before  # the reply was lost
    reply = await queue.exchange(idle, free=1)
    assert (reply.state, reply.has_more, [*reply.claims]) == ("replay", True, [])
    reply = await queue.exchange(idle, free=1)
    assert [claim.id for claim in reply.claims] == [item.id]
    assert not (await queue.exchange(idle, free=1)).claims


async def test_a_lost_reply_before_it(queue, idle, told):
    """The submission claims under the number of the exchange whose reply is lost: the replay brings the task."""
    before = (idle.number, idle.lease_until)
    await queue.exchange(idle, free=1)
    [item] = await queue.submit([task()])
    fields = told()
    idle.number, idle.lease_until = before
    assert _taken(idle, fields) == [], "the worker is not there yet"
    reply = await queue.exchange(idle, free=1)
    assert [claim.id for claim in reply.claims] == [item.id]
    assert _taken(idle, fields) == []
    assert not (await queue.exchange(idle, [ending(reply.claims[0])], free=1)).claims


async def test_one_free_slot_is_given_once(queue, idle):
    first, second = [(await queue.submit([task()]))[0] for _ in range(2)]
    assert (await queue.get(first.id)).status is TaskStatus.RUNNING
    assert (await queue.get(second.id)).status is TaskStatus.PENDING


@pytest.mark.parametrize(
    "lone",
    [
        task(max_retries=0),
        task(delay_seconds=60),
        task({"text": "x" * 5000}),
        task(task_type="alien"),
        task(queue="other"),
        task(limit_key="k"),
        task(fair_key="k"),
        task(expires_at="2099-01-01T00:00:00Z"),
    ],
    ids=lambda one: next(iter(one.model_fields_set - {"task_type", "payload"}), one.task_type),
)
async def test_such_a_task_waits_for_an_exchange(queue, idle, lone):
    for _ in range(2):
        [item] = await queue.submit([lone])
    assert (await queue.get(item.id)).status in (TaskStatus.PENDING, TaskStatus.SCHEDULED)


async def test_nobody_is_handed_a_task_of_a_queue_that_is_paused_or_limited(queue, idle):
    await queue.pause("default", by="ops")
    [held] = await queue.submit([task()])
    assert (await queue.get(held.id)).status is TaskStatus.PENDING
    await queue.resume("default", by="ops")
    [claim] = (await queue.exchange(idle, free=1)).claims
    await queue.limit_queue("default", Limit(concurrency=5), by="ops")
    await queue.exchange(idle, [ending(claim)], free=1)
    for _ in range(2):
        [limited] = await queue.submit([task()])
    assert (await queue.get(limited.id)).status is TaskStatus.PENDING


@pytest.mark.parametrize("how", ["is full", "drains", "left", "was reaped", "was silent"])
async def test_a_worker_that_cannot_take_it(queue, store, idle, silent_for, how):
    if how == "is full":
        await queue.exchange(idle, free=0)
    elif how == "drains":
        await queue.drain(idle.name, by="ops")
    elif how == "left":
        await queue.leave(idle)
    elif how == "was reaped":
        store.zadd("{test:0}:timers", {f"w:{idle.name}": 1})
        await queue.tick()
    else:
        silent_for(60_000)
    [item] = await queue.submit([task()])
    assert (await queue.get(item.id)).status is TaskStatus.PENDING


async def test_behind_what_waits_already(queue, idle):
    await queue.submit(tasks(2))
    queue.quiet_queues.add("default")
    [item] = await queue.submit([task()])
    assert (await queue.get(item.id)).status is TaskStatus.PENDING


async def test_a_repeat_finds_it_running(queue, store, idle):
    [item] = await queue.submit([task(idempotency_key="k")])
    entries = store.xlen("{test:0}:wakes")
    [again] = await queue.submit([task(idempotency_key="k")])
    assert (again.id, again.status) == (item.id, TaskStatus.RUNNING)
    assert store.xlen("{test:0}:wakes") == entries


async def test_its_cancellation_is_asked_with_it(queue, idle):
    [item] = await queue.submit([task()])
    await queue.cancel(item.id)
    reply = await queue.exchange(idle, free=1)
    assert [claim.id for claim in reply.claims] == reply.cancelled == [item.id]
    await queue.exchange(idle, [ending(reply.claims[0], "k")], free=1)
    assert (await queue.get(item.id)).status is TaskStatus.CANCELLED


async def test_others_learn_when_the_lease_of_a_worker_ends_that_never_reads(queue, store, told):
    state, other = await registered(queue, lease_ms=200), await registered(queue)
    await queue.exchange(other, free=0)
    await queue.exchange(state, free=1)
    await queue.submit([task()])
    [claim] = (await queue.exchange(state, free=1)).claims
    await queue.exchange(state, [ending(claim)], free=1)
    assert await queue.renew(state, is_idle=True)
    await queue.exchange(state, free=1)
    [item] = await queue.submit([task()])
    end = store.zscore("{test:0}:timers", f"w:{state.name}")
    assert int(told()["t"]) == end
    await wait_until(lambda: _is_claimed(queue, other, item.id), describe="the other has it")
    assert (await queue.get(item.id)).attempt == 2
    assert disorder(store) == []
    assert (await queue.exchange(state, free=1)).state == "lost"


async def test_one_that_was_silent_gets_a_short_lease_until_it_is_heard(queue, store, idle, told, silent_for):
    def lease_left() -> float:
        seconds, micros = store.time()
        return store.zscore("{test:0}:timers", f"w:{idle.name}") - seconds * 1000 - micros / 1000

    silent_for(1000)
    await queue.submit([task()])
    assert 8_000 < lease_left() <= 10_000
    [claim] = _taken(idle, told())
    await queue.exchange(idle, [ending(claim)], free=1)
    assert lease_left() > 28_000
    await queue.submit([task()])
    assert lease_left() > 28_000, "it was heard of just now"
    assert idle.lease_until == store.zscore("{test:0}:timers", f"w:{idle.name}")


async def _is_claimed(queue, state, task_id) -> bool:
    reply = await queue.exchange(state, free=1)
    return task_id in [claim.id for claim in reply.claims]


async def test_its_start_is_counted_once(queue, store, idle, told):
    def started() -> int:
        return int(store.hget(QUEUES, "*:@").split("|")[0].split()[2])

    before = started()
    await queue.submit([task()])
    [claim] = _taken(idle, told())
    await queue.exchange(idle, [ending(claim)], free=1)
    await queue.exchange(idle, free=1)
    assert started() == before + 1

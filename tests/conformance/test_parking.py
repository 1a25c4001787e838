"""Tasks of a type that a worker does not know wait apart for one that does."""

from __future__ import annotations

from shared.models import TaskStatus
from shared.queue.cursors import TaskFilter
from tests.support.factories import ending, exchange_all, registered, task, tasks


async def test_an_unknown_type_is_parked_and_blocks_nothing(queue):
    alien = await queue.submit(tasks(3, task_type="alien", priority=10))
    known = await queue.submit(tasks(2))
    state = await registered(queue)
    claims = []
    while True:
        reply = await queue.exchange(state, free=2 - len(claims), holding=len(claims))
        claims += reply.claims
        if not reply.has_more:
            break
    assert [claim.id for claim in claims] == [item.id for item in known]
    for item in alien:
        stored = await queue.get(item.id)
        assert (stored.status, stored.attempt) == (TaskStatus.PENDING, 0)
    assert (await queue.overview()).counts["pending"] == 3
    page = await queue.list_tasks(TaskFilter(TaskStatus.PENDING))
    assert [one.id for one in page.tasks] == [item.id for item in alien]


async def test_it_comes_back_to_a_worker_that_knows_it_in_its_old_order(queue):
    alien = await queue.submit(tasks(3, task_type="alien", priority=4))
    state = await registered(queue)
    await queue.exchange(state, free=10)
    newer = await queue.submit([task(task_type="alien", priority=4), task(task_type="alien", priority=9)])
    knowing = await registered(queue, types=("noop", "alien"))
    reply = await queue.exchange(knowing, free=10)
    assert [claim.id for claim in reply.claims] == [newer[1].id, *[item.id for item in alien], newer[0].id]


async def test_hundreds_come_back_in_slices(queue):
    await queue.submit(tasks(250, task_type="alien"))
    state = await registered(queue)
    rounds = 0
    while (await queue.exchange(state, free=100)).has_more:
        rounds += 1
    assert rounds <= 3
    knowing = await registered(queue, types=("alien",))
    claims, done = [], 0
    while True:
        reply = await queue.exchange(knowing, [ending(claim) for claim in claims], free=100)
        claims = reply.claims
        done += len(claims)
        if not claims and not reply.has_more:
            break
    assert done == 250


async def test_many_unknown_types_at_once(queue):
    await queue.submit([task(task_type=f"alien-{n % 7}", queue=f"q{n % 2}") for n in range(50)])
    state = await registered(queue, "q0", "q1")
    while (await queue.exchange(state, free=20)).has_more:
        pass
    knowing = await registered(queue, "q0", "q1", types=tuple(f"alien-{n}" for n in range(7)))
    assert len(await exchange_all(queue, knowing, free=50)) == 50

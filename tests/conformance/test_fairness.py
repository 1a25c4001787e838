"""Tasks with fair keys: customers take turns inside a priority."""

from __future__ import annotations

from tests.support.factories import ending, registered, task, tasks
from tests.support.waiting import wait_until


async def _claim_order(queue, state, count):
    order = []
    while len(order) < count:
        reply = await queue.exchange(state, free=1)
        order += reply.claims
        await queue.exchange(state, [ending(claim) for claim in reply.claims], free=0)
    return order


async def test_ten_tasks_do_not_stand_behind_ten_thousand(tcp_queues):
    queue = tcp_queues()
    for _ in range(10):
        await queue.submit(tasks(1000, fair_key="big"))
    small = {item.id for item in await queue.submit(tasks(10, fair_key="small & co."))}
    state = await registered(queue)
    order = await _claim_order(queue, state, 25)
    assert small <= {claim.id for claim in order}
    assert (await queue.get(next(iter(small)))).fair_key == "small & co."


async def test_three_customers_take_turns(queue):
    items = await queue.submit([task(fair_key=key) for key in "aaaaaabbbccc"])
    names = {item.id: key for item, key in zip(items, "aaaaaabbbccc", strict=True)}
    state = await registered(queue)
    order = "".join(names[claim.id] for claim in await _claim_order(queue, state, 12))
    assert [sorted(order[i : i + 3]) for i in (0, 3, 6)] == [["a", "b", "c"]] * 3
    assert order[9:] == "aaa"


async def test_a_priority_goes_first_whoever_waits(queue):
    await queue.submit(tasks(20, fair_key="a"))
    [urgent] = await queue.submit([task(fair_key="a", priority=9)])
    state = await registered(queue)
    assert (await queue.exchange(state, free=1)).claims[0].id == urgent.id


async def test_tasks_of_one_customer_keep_their_order(queue):
    items = await queue.submit(tasks(30, fair_key="a"))
    state = await registered(queue)
    claims = (await queue.exchange(state, free=30)).claims
    assert [claim.id for claim in claims] == [item.id for item in items]


async def test_who_has_had_turns_pays_nothing_when_all_was_idle(queue):
    await queue.submit(tasks(50, fair_key="a"))
    state = await registered(queue)
    await _claim_order(queue, state, 50)
    [late] = await queue.submit([task(fair_key="a")])
    await queue.submit(tasks(5, fair_key="b"))
    assert (await queue.exchange(state, free=1)).claims[0].id == late.id


async def test_delayed_and_requeued_tasks_take_turns_too(queue):
    dead = [item.id for item in await queue.submit(tasks(3, fair_key="b", max_retries=0))]
    state = await registered(queue)
    claims = (await queue.exchange(state, free=3)).claims
    await queue.exchange(state, [ending(claim, "f") for claim in claims], free=0)
    await queue.submit(tasks(60, fair_key="a", delay_seconds=0.01))

    async def are_promoted():
        await queue.tick()
        return (await queue.overview()).counts["pending"] == 60

    await wait_until(are_promoted, describe="the delayed ones are due")
    await queue.requeue(dead, by="ops")
    assert set(dead) <= {claim.id for claim in await _claim_order(queue, state, 8)}


async def test_who_is_behind_the_turn_is_forgotten(queue, store):
    for n in range(200):
        await queue.submit([task(fair_key=f"k{n}"), task(fair_key="stays")])
    state = await registered(queue)
    await _claim_order(queue, state, 400)
    await queue.submit([task(fair_key="new")])
    assert store.zrange("{test:0}:fair:default:5", 0, -1) == ["new"]

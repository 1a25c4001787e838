"""Ended tasks are kept for their time and up to a number, then go with all that is theirs."""

from __future__ import annotations

import pytest

from shared.errors import NotFound
from shared.models import TaskStatus
from shared.queue import QueueOptions
from shared.settings import Settings
from tests.support.bands import ended, expire
from tests.support.factories import ending, registered, task, tasks
from tests.support.waiting import wait_until


async def _ended(queue, batch, kind: str = "c") -> list[str]:
    """Submit and end; the ids."""
    ids = [item.id for item in await queue.submit(batch)]
    state = await registered(queue)
    left, outcomes = len(ids), []
    has_more = False
    while left or outcomes or has_more:
        reply = await queue.exchange(state, outcomes, free=100, maintain=False)
        outcomes, has_more = [ending(claim, kind) for claim in reply.claims], reply.has_more
        left -= len(reply.claims)
    await queue.leave(state)  # else the next lone task is handed to it
    return ids


async def test_a_short_retention_is_kept_to(queue):
    ids = await _ended(queue, tasks(3, retention_seconds=1))

    async def is_gone():
        await queue.tick()
        return (await queue.overview()).counts["completed"] == 0

    assert (await queue.get(ids[0])).status is TaskStatus.COMPLETED
    await wait_until(is_gone, describe="the ended tasks are removed")
    with pytest.raises(NotFound):
        await queue.get(ids[0])


async def test_the_retention_of_the_queue_holds_for_those_without_their_own(queues, store):
    queue = queues(retention_s=100)
    ids = await _ended(queue, [task(), task(retention_seconds=5)])
    kept = ended(store, "C")
    assert list(kept) == [ids[1], ids[0]]
    assert kept[ids[0]] - kept[ids[1]] == pytest.approx(95_000, abs=50)
    assert store.zscore("{test:0}:timers", "d:C") == kept[ids[1]]


async def test_a_task_that_is_kept_for_its_key_keeps_no_others(queues, store):
    """It stays a day for its idempotency key; those that end after it go when their own time is over."""
    queue = queues(retention_s=100)
    await _ended(queue, [task(idempotency_key="k")])
    [other] = await _ended(queue, [task()])
    assert store.zscore("{test:0}:timers", "d:C") == ended(store, "C")[other]


async def test_dead_tasks_are_kept_for_a_time_and_a_number_of_their_own(queues, store):
    queue = queues(retention_s=100, dead_retention_s=300, keep=100, dead_keep=300)
    for kind, letter, kept_s in (("c", "C", 100), ("x", "D", 300), ("k", "X", 100)):
        [task_id] = await _ended(queue, [task(max_retries=0)], kind)
        finished = (await queue.get(task_id)).finished_at.timestamp() * 1000
        assert ended(store, letter)[task_id] == pytest.approx(finished + kept_s * 1000)
    lost = await queue.submit([task(max_retries=0)])
    state = await registered(queue)
    await queue.exchange(state, free=1)
    store.zadd("{test:0}:timers", {f"w:{state.name}": 1})
    await queue.tick()
    finished = (await queue.get(lost[0].id)).finished_at.timestamp() * 1000
    assert ended(store, "D")[lost[0].id] == pytest.approx(finished + 300_000)
    await _ended(queue, tasks(450), "x")
    assert 300 <= (await queue.overview()).counts["dead"] <= 400


def test_what_the_settings_say_is_what_the_engine_keeps():
    settings = Settings(
        retention_seconds=5, retention_count=200, dead_retention_seconds=50, dead_retention_count=300
    )
    options = QueueOptions.of(settings, max_payload_bytes=100)
    assert (options.retention_text, options.keep_text) == ("5000 50000", "200 300")
    assert options.max_payload_bytes == 100
    assert QueueOptions().retention_text == QueueOptions.of(Settings()).retention_text
    assert QueueOptions().keep_text == QueueOptions.of(Settings()).keep_text


async def test_a_keyed_task_is_kept_a_day_after_its_submission(queues, store):
    queue = queues(retention_s=1)
    [keyed] = await _ended(queue, [task(idempotency_key="k", retention_seconds=1)])
    created = (await queue.get(keyed)).created_at.timestamp() * 1000
    assert ended(store, "C")[keyed] == pytest.approx(created + 86_400_000)


OF_KINDS = {"c": ("C", "completed"), "x": ("D", "dead"), "k": ("X", "cancelled")}


@pytest.mark.parametrize("kind", OF_KINDS)
async def test_each_status_is_trimmed_with_its_bodies_and_no_other(queue, store, kind):
    big = {"t": "x" * 20_000}
    ids = await _ended(queue, [task(big), task()], kind)
    others = {other: await _ended(queue, tasks(2), other) for other in OF_KINDS if other != kind}
    letter, name = OF_KINDS[kind]
    expire(store, letter)
    assert await queue.tick() is False
    counts = (await queue.overview()).counts
    assert counts[name] == 0
    assert not [key for key in store.scan_iter() if any(task_id in key for task_id in ids)]
    for other, kept in others.items():
        assert set(ended(store, OF_KINDS[other][0])) == set(kept)
        assert counts[OF_KINDS[other][1]] == 2


async def test_the_number_that_is_kept_is_of_each_status(queues, store):
    """Those of one status make no room for another's."""
    queue = queues(keep=100, dead_keep=100)
    dead = await _ended(queue, tasks(90, max_retries=0), "x")
    cancelled = await _ended(queue, tasks(90), "k")
    await _ended(queue, tasks(450))
    assert 100 <= len(ended(store, "C")) <= 200
    assert (set(ended(store, "D")), set(ended(store, "X"))) == (set(dead), set(cancelled))


async def test_a_large_result_goes_with_its_task(queue, store):
    [item] = await queue.submit([task()])
    state = await registered(queue)
    [claim] = (await queue.exchange(state, free=1)).claims
    await queue.exchange(state, [ending(claim, "c", '"' + "x" * 20_000 + '"')], free=0)
    expire(store, "C")
    await queue.tick()
    assert not store.exists(f"{{test:0}}:o:{item.id}")


async def test_hundreds_go_in_slices(queue, store):
    await _ended(queue, tasks(250))
    expire(store, "C")
    assert [await queue.tick() for _ in range(3)] == [True, True, False]
    assert (await queue.overview()).counts["completed"] == 0


async def test_an_exchange_trims_and_what_ends_in_the_same_call_keeps_its_timer(queue, store):
    """All that was kept expires while new tasks end: the guard sees that the new ones have a timer."""
    await _ended(queue, tasks(2))
    await queue.submit(tasks(1))
    state = await registered(queue)
    [claim] = (await queue.exchange(state, free=1)).claims
    expire(store, "C")
    reply = await queue.exchange(state, [ending(claim)], free=0)
    while reply.has_more:
        reply = await queue.exchange(state, free=0)
    assert (await queue.overview()).counts["completed"] == 1
    assert store.zscore("{test:0}:timers", "d:C") == ended(store, "C")[claim.id]


async def test_a_reaped_dead_task_keeps_its_timer_when_all_others_expire(queue, store):
    await _ended(queue, tasks(1), "x")
    [item] = await queue.submit([task(max_retries=0)])
    state = await registered(queue)
    await queue.exchange(state, free=1)
    expire(store, "D")
    store.zadd("{test:0}:timers", {f"w:{state.name}": 1})
    await queue.tick()
    assert (await queue.get(item.id)).status is TaskStatus.DEAD


async def test_the_count_limit_wins(queues, store):
    queue = queues(keep=100)
    ids = await _ended(queue, tasks(450))
    kept = (await queue.overview()).counts["completed"]
    assert 100 <= kept <= 200
    left = set(ended(store, "C"))
    assert left == set(ids[-kept:])


async def test_the_next_due_time_shows_what_expires_first(queue):
    await queue.submit([task(retention_seconds=2)])
    state = await registered(queue)
    [claim] = (await queue.exchange(state, free=1)).claims
    reply = await queue.exchange(state, [ending(claim)], free=1)
    assert reply.next_due_ms == reply.now_ms + 2000

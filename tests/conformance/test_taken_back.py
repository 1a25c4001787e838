"""Events of repeats are taken back: what they leave in the stream is bounded, and readers hear of what was trimmed for it."""

from __future__ import annotations

import pytest

from shared.errors import IdempotencyConflict
from shared.events import START
from shared.queue import QueueOptions, TaskQueue
from shared.queue.feed import KEPT
from tests.support.factories import task, tasks
from tests.support.stepped import SteppedTcp

EVENTS = "{test:0}:events"
QUEUES = "{test:0}:queues"
NOW_US = 1_798_761_600_000_000
KEYED = task(idempotency_key="k")
#: As many may be taken back between two looks at the stream.
MOST = KEPT


async def _take_the_last_back(queue, store) -> None:
    """A repeat, as if so many had come that the stream is looked at."""
    store.hset(QUEUES, "*:t", MOST - 1)
    await queue.submit([KEYED])
    assert store.hget(QUEUES, "*:t") == "0"


async def _trim(queue, store) -> tuple[str, str]:
    """Let the stream be trimmed; cursors of before what is gone and of behind it."""
    await queue.submit([KEYED])
    before = await queue.newest_event()
    for _ in range(200):
        await queue.submit(tasks(1))
    await _take_the_last_back(queue, store)
    behind = await queue.newest_event()
    assert len((await queue.events_after(before)).events) == 200, (
        "it is trimmed to where it was the time before"
    )
    await _take_the_last_back(queue, store)
    return before, behind


async def test_each_that_is_taken_back_is_counted(queue, store):
    await queue.submit([KEYED, *tasks(2)])
    assert store.hget(QUEUES, "*:t") is None
    for n in (1, 2):
        await queue.submit([KEYED])
        assert store.hget(QUEUES, "*:t") == str(n)
    with pytest.raises(IdempotencyConflict):
        await queue.submit([task({"other": 1}, idempotency_key="k")])
    await queue.submit([KEYED, task(idempotency_key="new")])
    assert store.hget(QUEUES, "*:t") == "4"
    assert store.xlen(EVENTS) == 2


async def test_what_was_trimmed_is_a_gap(queue, store):
    before, behind = await _trim(queue, store)
    assert store.xlen(EVENTS) < 200
    assert (await queue.events_after(before)).is_gap
    for limit in (1, 500):
        assert (await queue.events_after(START, limit)).is_gap
    [item] = await queue.submit(tasks(1))
    page = await queue.events_after(behind)
    assert not page.is_gap
    assert [one for event in page.events for one, _ in event.tasks] == [item.id]


async def test_one_that_waits_hears_of_what_was_trimmed(waiting_queues, store):
    queue = waiting_queues()
    before, behind = await _trim(queue, store)
    newest = await queue.newest_event()
    for cursor in (before, START):
        page = await queue.events_wait(cursor, 1_000)
        assert (page.is_gap, page.cursor) == (True, newest)
    page = await queue.events_wait(behind, 1_000)
    assert (page.is_gap, page.events, page.cursor) == (False, [], newest)


async def test_a_part_of_a_batch_that_is_taken_back_last_keeps_its_order(queue, store):
    """Ids are moved past the new ones of the batch, and another tells readers of the trimming."""
    await queue.submit([KEYED])
    for n in range(3):
        store.hset(QUEUES, "*:t", MOST - 1)
        await queue.submit([KEYED, *[task({"n": m}, idempotency_key=f"{n}.{m}") for m in range(150)]])
    page = await queue.list_tasks(limit=500)
    assert len(page.tasks) == 451


async def test_repeats_fill_no_memory(store, server):
    """99 of a hundred submissions are repeats, in a feed of a tenth of the size: it would take a hundred times the room."""
    kept = KEPT // 10
    transport = SteppedTcp(server.url, NOW_US, lambda body: body.replace(f"'{KEPT}'", f"'{kept}'"))
    queue = TaskQueue(transport, QueueOptions(namespace="test"))
    try:
        for n in range(1, kept + 1):
            store.xadd(EVENTS, {"c": "default:P:1", "i": f"{n:026}:P"}, id=f"{n}-1")
        honest = most = store.memory_usage(EVENTS, samples=0)
        await queue.submit([KEYED])
        for _ in range(5 * kept // 99):
            await queue.submit(tasks(1))
            await queue.submit([KEYED])
            again, keys, args = transport.last
            sent = transport.at_my_time(again)
            with store.pipeline(transaction=False) as pipe:
                for _ in range(98):
                    pipe.evalsha(sent.sha, len(keys), *keys, *args, str(transport.now_us))
                pipe.execute()
            most = max(most, store.memory_usage(EVENTS, samples=0))
    finally:
        await transport.close()
    assert most < 3 * honest
    assert store.memory_usage(EVENTS, samples=0) < 2.5 * honest

"""Submitting: order, delays, repeats, limits; all or nothing."""

from __future__ import annotations

import random
import re
from datetime import UTC, datetime, timedelta

import pytest

from shared.errors import IdempotencyConflict, InvalidInput, NotFound, TooLarge
from shared.events import START
from shared.ids import is_task_id
from shared.models import TaskStatus
from shared.queue import QueueOptions, TaskQueue
from shared.retry import RetryPolicy
from tests.support.factories import ending, registered, task, tasks
from tests.support.stepped import CALL_US, SteppedTcp


async def test_one_task_is_pending_and_can_be_read(queue):
    [submitted] = await queue.submit([task({"a": 1}, metadata={"by": "me"})])
    assert is_task_id(submitted.id)
    assert submitted.status is TaskStatus.PENDING
    stored = await queue.get(submitted.id)
    assert (stored.payload, stored.metadata, stored.queue) == ({"a": 1}, {"by": "me"}, "default")
    assert (stored.priority, stored.attempt, stored.max_retries) == (5, 0, 3)
    assert abs(stored.created_at - datetime.now(UTC)) < timedelta(seconds=5)
    assert stored.run_at == stored.created_at


async def test_a_batch_is_claimed_in_its_order(queue):
    submitted = await queue.submit(tasks(100))
    state = await registered(queue)
    reply = await queue.exchange(state, free=100)
    assert [claim.id for claim in reply.claims] == [item.id for item in submitted]


async def test_1000_tasks_of_mixed_priorities_come_in_exact_order(queue):
    submitted = await queue.submit([task({"n": n}, priority=1 + (n * 7) % 10) for n in range(1000)])
    expected = [
        item.id
        for _, item in sorted(enumerate(submitted), key=lambda pair: (-(1 + (pair[0] * 7) % 10), pair[0]))
    ]
    state = await registered(queue)
    claimed, outcomes = [], []
    while len(claimed) < 1000:
        reply = await queue.exchange(state, outcomes, free=100)
        claimed += [claim.id for claim in reply.claims]
        outcomes = [ending(claim) for claim in reply.claims]
    assert claimed == expected
    await queue.exchange(state, outcomes, free=0)


async def test_separate_submissions_are_first_in_first_out(queue):
    ids = [(await queue.submit([task({"n": n})]))[0].id for n in range(20)]
    state = await registered(queue)
    assert [claim.id for claim in (await queue.exchange(state, free=20)).claims] == ids


@pytest.mark.parametrize("seed", range(6))
async def test_what_comes_in_one_millisecond_is_first_in_first_out(store, server, seed):
    """Alone, in batches with and without keys, some of them known, once more after death; a task takes the server 4 µs at least."""
    transport = SteppedTcp(server.url, 1_798_761_600_000_000)
    queue = TaskQueue(transport, QueueOptions(namespace="test"))
    chance, ids = random.Random(seed), []
    try:
        state = await registered(queue, lease_ms=600_000)
        await queue.submit(tasks(20))
        outcomes = [ending(claim, "x") for claim in (await queue.exchange(state, free=20)).claims]
        await queue.exchange(state, outcomes, free=0)
        dead, at_us = [outcome.task_id for outcome in outcomes], 1_798_761_601_000_000
        known = [task(idempotency_key="first")]
        for n in range(80):
            transport.now_us = at_us - CALL_US
            keyed = [task({"n": n}, idempotency_key=f"k{n}.{m}") for m in range(chance.randint(2, 30))]
            ways = [tasks(1), tasks(7), tasks(120), keyed, keyed[:1], [*keyed, *tasks(2)]]
            ways += [[*known, *keyed], known, [task(unique_key=f"u{n}")]]
            if n % 4 == 3 and dead:
                again, dead = dead[:4], dead[4:]
                await queue.requeue(again, by="me")
                ids += again
                at_us += 20 + 4 * len(again)
            else:
                batch = chance.choice(ways)
                ids += [item.id for item in await queue.submit(batch) if item.id not in ids]
                known = [one for one in batch if one.idempotency_key] or known
                at_us += 20 + 4 * len(batch)
        claimed, outcomes = [], []
        while len(claimed) < len(ids):
            claims = (await queue.exchange(state, outcomes, free=100)).claims
            outcomes = [ending(claim) for claim in claims]
            claimed += [claim.id for claim in claims]
        await queue.exchange(state, outcomes, free=0)
    finally:
        await transport.close()
    assert claimed == ids


async def test_after_a_clock_that_was_ahead_tasks_are_dated_by_the_clock(queue, store):
    await queue.submit(tasks(1))
    ahead_ms = store.time()[0] * 1000 + 600_000
    store.xadd("{test:0}:events", {"c": "", "i": ""}, id=f"{ahead_ms}-0")
    items = [(await queue.submit(tasks(300)))[-1] for _ in range(5)]
    dated = [(await queue.get(item.id)).created_at.timestamp() * 1000 for item in items]
    assert dated[0] == ahead_ms, "the id of an event never goes back"
    assert dated[-1] < ahead_ms


async def test_the_feed_tells_of_what_was_stored_and_of_nothing_else(queue):
    keyed = [task({"n": n}, idempotency_key=f"k{n}") for n in range(3)]
    [first] = await queue.submit(keyed[:1])
    cursor = (await queue.events_after(START)).cursor
    await queue.submit(keyed[:1])
    with pytest.raises(IdempotencyConflict):
        await queue.submit([task({"other": 1}, idempotency_key="k0"), task()])
    assert (await queue.events_after(cursor)).events == []
    items = await queue.submit(keyed)
    events = (await queue.events_after(cursor)).events
    assert all(event.counts for event in events)
    named = [told for event in events for told in event.tasks]
    assert named == [(item.id, TaskStatus.PENDING) for item in items if item != first]


async def test_a_delayed_task_is_scheduled_and_not_claimed(queue):
    [item] = await queue.submit([task(delay_seconds=60)])
    assert item.status is TaskStatus.SCHEDULED
    state = await registered(queue)
    reply = await queue.exchange(state, free=10)
    assert reply.claims == []
    stored = await queue.get(item.id)
    assert timedelta(seconds=59) < stored.run_at - stored.created_at <= timedelta(seconds=60)
    assert stored.run_at.timestamp() * 1000 == pytest.approx(reply.next_due_ms)


async def test_a_run_at_in_the_past_is_pending_now(queue):
    past = [datetime.now(UTC) - timedelta(hours=1), datetime(1969, 1, 1, tzinfo=UTC)]
    items = await queue.submit([task(run_at=when) for when in past] + [task(delay_seconds=0)])
    assert {item.status for item in items} == {TaskStatus.PENDING}


async def test_a_run_at_in_the_future_is_kept_to_the_millisecond(queue):
    when = datetime.now(UTC).replace(microsecond=123_000) + timedelta(days=300)
    [item] = await queue.submit([task(run_at=when)])
    assert (await queue.get(item.id)).run_at == when


async def test_the_same_key_and_body_is_the_same_task_once(queue):
    first = await queue.submit([task({"a": 1}, idempotency_key="k")])
    again = await queue.submit([task({"a": 1}, idempotency_key="k")])
    assert again == first
    state = await registered(queue)
    reply = await queue.exchange(state, free=10)
    assert len(reply.claims) == 1
    await queue.exchange(state, [ending(reply.claims[0])], free=0)
    [third] = await queue.submit([task({"a": 1}, idempotency_key="k")])
    assert third == (first[0].id, TaskStatus.COMPLETED, None)


async def test_the_keys_of_a_task_are_told(queue):
    given = [
        task(idempotency_key="a o= k:1", metadata={"m": 1}),
        task(unique_key="a o= k:1"),
        task(unique_key="w:2", throttle_seconds=60),
        task(unique_key="d:3", debounce={"seconds": 60}),
        task(),
    ]
    stored = [await queue.get(item.id) for item in await queue.submit(given)]
    assert [one.idempotency_key for one in stored] == ["a o= k:1", None, None, None, None]
    assert [one.unique_key for one in stored] == [None, "a o= k:1", "w:2", "d:3", None]
    assert stored[0].metadata == {"m": 1}


async def test_the_policy_of_a_task_is_told_where_it_has_one_of_its_own(queue):
    own = {"timeout_seconds": 12.5, "retry": {"initial_seconds": 3.0, "jitter": "none"}}
    first, second = await queue.submit([task(**own), task()])
    stored = await queue.get(first.id)
    assert (stored.timeout_seconds, stored.retry) == (12.5, RetryPolicy(initial_seconds=3.0, jitter="none"))
    other = await queue.get(second.id)
    assert (other.timeout_seconds, other.retry) == (None, None)


async def test_a_key_of_another_queue_is_another_task(queue):
    items = await queue.submit(
        [task(idempotency_key="k"), task(idempotency_key="k", queue="other"), task(idempotency_key="k2")]
    )
    assert len({item.id for item in items}) == 3


async def test_the_same_key_with_another_body_is_a_conflict_and_stores_nothing(queue, store):
    [first] = await queue.submit([task({"a": 1}, idempotency_key="k")])
    before = store.dbsize()
    with pytest.raises(IdempotencyConflict, match=first.id):
        await queue.submit([task({"b": 1}), task({"a": 2}, idempotency_key="k"), *tasks(5)])
    assert store.dbsize() == before


async def test_the_bodies_as_received_tell_submissions_apart(queue):
    same = task({"a": 1}, idempotency_key="k")
    await queue.submit([same], bodies=[{"task_type": "noop", "payload": {"a": 1}}])
    with pytest.raises(IdempotencyConflict):
        await queue.submit([same], bodies=[{"task_type": "noop", "payload": {"a": 1}, "priority": 5}])


async def test_metadata_that_looks_like_an_option_changes_nothing(queue):
    """The fingerprint and the retention stand before what users write in the same line."""
    trap = {"note": "x i=ffffffffffffffff k=1 o={}"}
    [first] = await queue.submit([task({"a": 1}, idempotency_key="k", metadata=trap)])
    with pytest.raises(IdempotencyConflict):
        await queue.submit([task({"a": 2}, idempotency_key="k", metadata=trap)])
    [other] = await queue.submit([task({"b": 1}, metadata=trap)])
    state = await registered(queue)
    reply = await queue.exchange(state, free=10)
    reply = await queue.exchange(state, [ending(claim) for claim in reply.claims], free=0)
    await queue.tick()
    assert (await queue.get(other.id)).metadata == trap
    assert (await queue.get(first.id)).status is TaskStatus.COMPLETED


async def test_a_batch_with_some_repeats_stores_the_missing_ones(queue):
    keyed = [task({"n": n}, idempotency_key=f"k{n}") for n in range(10)]
    first = await queue.submit(keyed[::2])
    whole = await queue.submit(keyed)
    assert whole[::2] == first
    assert len({item.id for item in whole}) == 10
    state = await registered(queue)
    reply = await queue.exchange(state, free=100)
    assert sorted(claim.id for claim in reply.claims) == sorted(item.id for item in whole)


async def test_a_repeat_inside_a_batch_is_one_task(queue):
    twice = task({"a": 1}, idempotency_key="k")
    items = await queue.submit([twice, task({"b": 1}), twice])
    assert items[0] == items[2] != items[1]
    with pytest.raises(IdempotencyConflict):
        await queue.submit([task({"c": 1}, idempotency_key="j"), task({"c": 2}, idempotency_key="j")])


@pytest.mark.parametrize("count", [499, 500, 501, 1000])
async def test_large_batches_are_stored_whole_and_repeat_whole(queue, count):
    batch = [task({"n": n}, idempotency_key=f"k{n}") for n in range(count)]
    items = await queue.submit(batch)
    assert len({item.id for item in items}) == count
    assert await queue.submit(batch) == items
    overview = await queue.overview()
    assert overview.counts["pending"] == count


async def test_1000_is_the_most(queue, store):
    with pytest.raises(InvalidInput, match=re.escape("tasks: holds 1001 tasks. Send 1 to 1000.")):
        await queue.submit(tasks(1001))
    with pytest.raises(InvalidInput, match="holds 0 tasks"):
        await queue.submit([])
    assert store.dbsize() == 0


async def test_500_delayed_is_the_most(queue, store):
    items = await queue.submit(tasks(500, delay_seconds=100))
    assert {item.status for item in items} == {TaskStatus.SCHEDULED}
    before = store.dbsize()
    with pytest.raises(InvalidInput, match="holds 501 delayed tasks"):
        await queue.submit(tasks(501, delay_seconds=100))
    assert store.dbsize() == before


@pytest.mark.parametrize("size", [16_384, 16_385, 256 * 1024])
async def test_payloads_at_the_limits_come_back_whole(queue, store, size):
    text = "é" * ((size - 8) // 2)
    payload = {"t": text + "x" * (size - 8 - 2 * len(text))}
    [item] = await queue.submit([task(payload)])
    assert store.exists(f"{{test:0}}:p:{item.id}") == (size > 16_384)
    assert (await queue.get(item.id)).payload == payload
    state = await registered(queue)
    reply = await queue.exchange(state, free=1)
    await queue.load_bodies(reply.claims)
    assert reply.claims[0].payload == f'{{"t":"{payload["t"]}"}}'


async def test_metadata_is_bounded_as_every_list_shows_it(queue):
    await queue.submit([task(metadata={"a": "x" * 16_000})])
    with pytest.raises(TooLarge, match="metadata: is longer than 16384 characters"):
        await queue.submit([task(metadata={"a": "x" * 16_384})])
    with pytest.raises(TooLarge, match=re.escape("tasks[1].metadata")):
        await queue.submit([task(), task(metadata={"a": "x" * 16_384})])


async def test_a_payload_over_the_limit_is_refused(queue, store):
    with pytest.raises(TooLarge, match="payload: has 262145 bytes as JSON, over the limit of 262144"):
        await queue.submit([task({"t": "x" * (256 * 1024 - 7)})])
    with pytest.raises(TooLarge, match=re.escape("tasks[1].payload")):
        await queue.submit([task(), task({"t": "é" * (128 * 1024)})])
    assert store.dbsize() == 0


async def test_a_batch_over_4_mb_is_refused_counted_in_bytes(queue, store):
    with pytest.raises(TooLarge, match="over the limit of 4194304"):
        await queue.submit([task({"t": "x" * 250_000}) for _ in range(17)])
    with pytest.raises(TooLarge, match="over the limit of 4194304"):
        await queue.submit([task({"t": "é" * 125_000}) for _ in range(17)])
    assert store.dbsize() == 0


async def test_text_of_any_script_comes_back_unchanged(queue):
    payload = {"t": '\u0000 \n\r\t"\\ \u2028 é 漢 🎉', "big": 2**70, "f": 0.1, "deep": [[{"a": None}]]}
    [item] = await queue.submit([task(payload, metadata={"m": "a\nb c"})])
    stored = await queue.get(item.id)
    assert (stored.payload, stored.metadata) == (payload, {"m": "a\nb c"})


async def test_an_unknown_id_is_not_found(queue):
    with pytest.raises(NotFound, match="retention"):
        await queue.get("0" * 27)

"""At most one live task per unique key and queue; tasks that expire before they start."""

from __future__ import annotations

import pytest

from shared.errors import Conflict, IdempotencyConflict, UniqueConflict
from shared.models import Deduplicated, TaskStatus
from shared.queue import Defaults
from tests.support.factories import ending, registered, task
from tests.support.waiting import wait_until

KEY = "user 42: žluť/%"


async def test_a_second_live_task_is_refused_and_nothing_is_stored(queue, store):
    [first] = await queue.submit([task(unique_key=KEY)])
    before = sorted(store.scan_iter())
    with pytest.raises(UniqueConflict, match=first.id):
        await queue.submit([task(), task(unique_key="other"), task(unique_key=KEY)])
    assert sorted(store.scan_iter()) == before


async def test_the_key_is_free_again_when_its_task_has_ended(queue):
    state = await registered(queue)
    for kind in ("c", "x", "k"):
        [item] = await queue.submit([task(unique_key=KEY)])
        [claim] = (await queue.exchange(state, free=1)).claims
        assert claim.id == item.id
        await queue.exchange(state, [ending(claim, kind)], free=0)
    [waiting] = await queue.submit([task(unique_key=KEY, delay_seconds=60)])
    await queue.cancel(waiting.id)
    [deleted] = await queue.submit([task(unique_key=KEY)])
    await queue.delete_one(deleted.id, by="ops")
    await queue.submit([task(unique_key=KEY)])


async def test_keys_of_two_queues_are_two_keys(queue):
    await queue.submit([task(unique_key=KEY, queue="a"), task(unique_key=KEY, queue="b")])


async def test_a_retry_keeps_the_key(queue):
    [item] = await queue.submit([task(unique_key=KEY)])
    state = await registered(queue)
    [claim] = (await queue.exchange(state, free=1)).claims
    await queue.exchange(state, [ending(claim, "f", delay_ms=60_000)], free=0)
    with pytest.raises(UniqueConflict, match=item.id):
        await queue.submit([task(unique_key=KEY)])


async def test_the_existing_task_answers(queue):
    [first] = await queue.submit([task(unique_key=KEY, delay_seconds=60)])
    other, again = await queue.submit([task(), task({"n": 2}, unique_key=KEY, on_conflict="existing")])
    assert (again.id, again.status) == (first.id, TaskStatus.SCHEDULED)
    assert other.id != first.id
    assert (await queue.get(first.id)).payload == {}


async def test_two_of_one_key_in_a_batch(queue):
    one, two = await queue.submit([task({"n": n}, unique_key=KEY, on_conflict="existing") for n in (1, 2)])
    assert (one.deduplicated, two) == (None, one._replace(deduplicated=Deduplicated.EXISTING))
    assert (await queue.overview()).counts["pending"] == 1


async def test_a_replaced_task_is_cancelled(queue):
    [first] = await queue.submit([task(unique_key=KEY, delay_seconds=60)])
    [second] = await queue.submit([task(unique_key=KEY, on_conflict="replace")])
    assert (await queue.get(first.id)).status is TaskStatus.CANCELLED
    assert second.status is TaskStatus.PENDING
    state = await registered(queue)
    assert [claim.id for claim in (await queue.exchange(state, free=5)).claims] == [second.id]
    with pytest.raises(UniqueConflict, match=second.id):
        await queue.submit([task(unique_key=KEY, on_conflict="replace")])


async def test_a_refusal_replaces_nothing(queue):
    """Whatever comes first in the batch: when it is refused as a whole, the task that waits goes on waiting."""
    [waiting] = await queue.submit([task(unique_key=KEY)])
    await queue.submit([task({"n": 1}, idempotency_key="i"), task(unique_key="other")])
    with pytest.raises(IdempotencyConflict):
        await queue.submit([task({"n": 2}, idempotency_key="i", unique_key=KEY, on_conflict="replace")])
    with pytest.raises(UniqueConflict):
        await queue.submit([task(unique_key=KEY, on_conflict="replace"), task(unique_key="other")])
    assert (await queue.get(waiting.id)).status is TaskStatus.PENDING
    with pytest.raises(UniqueConflict, match=waiting.id):
        await queue.submit([task(unique_key=KEY)])


async def test_a_repeat_replaces_nothing_and_takes_no_key(queue):
    fields = {"idempotency_key": "i", "unique_key": KEY, "on_conflict": "replace"}
    [first] = await queue.submit([task(**fields)])
    await queue.cancel(first.id)
    assert (await queue.submit([task(**fields)]))[0] == (first.id, TaskStatus.CANCELLED, None)
    [second] = await queue.submit([task(unique_key=KEY)])
    assert (await queue.submit([task(**fields)]))[0].id == first.id
    assert (await queue.get(second.id)).status is TaskStatus.PENDING


async def test_replacing_within_a_batch(queue):
    [waiting] = await queue.submit([task(unique_key=KEY)])
    replacing = task({"n": 1}, unique_key=KEY, on_conflict="replace")
    with pytest.raises(UniqueConflict):
        await queue.submit([replacing, replacing])
    with pytest.raises(UniqueConflict):
        await queue.submit([task(unique_key="new"), task(unique_key="new", on_conflict="replace")])
    assert (await queue.get(waiting.id)).status is TaskStatus.PENDING
    one, two = await queue.submit([replacing, task(unique_key=KEY, on_conflict="existing")])
    assert one.id == two.id != waiting.id
    assert (await queue.get(waiting.id)).status is TaskStatus.CANCELLED


async def test_a_dead_task_is_requeued_only_when_its_key_is_free(queue):
    [first] = await queue.submit([task(unique_key=KEY)])
    state = await registered(queue)
    [claim] = (await queue.exchange(state, free=1)).claims
    await queue.exchange(state, [ending(claim, "x")], free=0)
    [second] = await queue.submit([task(unique_key=KEY)])
    with pytest.raises(Conflict):
        await queue.requeue_one(first.id, by="ops")
    await queue.cancel(second.id)
    await queue.requeue_one(first.id, by="ops")
    with pytest.raises(UniqueConflict, match=first.id):
        await queue.submit([task(unique_key=KEY)])


async def test_a_task_that_has_not_started_when_it_expires_is_dead(queue):
    now = (await queue.overview()).now
    [item] = await queue.submit([task(expires_at=now, unique_key=KEY)])
    [kept] = await queue.submit([task(expires_at=now.replace(year=now.year + 1))])
    state = await registered(queue)

    async def claimed() -> list[str]:
        return [claim.id for claim in (await queue.exchange(state, free=5)).claims]

    assert await wait_until(claimed, describe="a claim") == [kept.id]
    stored = await queue.get(item.id)
    assert (stored.status, stored.attempt, stored.error.type) == (TaskStatus.DEAD, 0, "Expired")
    assert stored.attempts[-1].outcome == "expired"
    await queue.submit([task(unique_key=KEY)])


async def _ended(queue, item):
    """Run what was submitted to its end."""
    state = await registered(queue)
    claims = (await queue.exchange(state, free=5)).claims
    assert item.id in {claim.id for claim in claims}
    await queue.exchange(state, [ending(claim) for claim in claims], free=0)


async def _sent_again(queue, submission, item):
    """The same call once more: its first answer was lost on the way."""
    prepared = queue._prepare(submission, Defaults(), None, 0, 1)
    return await queue._submit_unique([prepared._replace(id=item.id)], queue.shards[0])


@pytest.mark.parametrize("mode", ["reject", "existing", "replace"])
async def test_a_call_repeated_after_its_task_has_ended_keeps_no_key(queue, mode):
    submission = task(unique_key=KEY, on_conflict=mode)
    [first] = await queue.submit([submission])
    await _ended(queue, first)
    assert await _sent_again(queue, submission, first) == [(first.id, TaskStatus.COMPLETED, None)]
    [second] = await queue.submit([task(unique_key=KEY)])
    assert second.id != first.id


@pytest.mark.parametrize("mode", ["reject", "existing", "replace"])
async def test_a_call_repeated_when_another_has_the_key_tells_what_became_of_its_own(queue, mode):
    submission = task(unique_key=KEY, on_conflict=mode)
    [first] = await queue.submit([submission])
    await _ended(queue, first)
    [second] = await queue.submit([task(unique_key=KEY)])
    assert await _sent_again(queue, submission, first) == [(first.id, TaskStatus.COMPLETED, None)]
    assert (await queue.get(second.id)).status is TaskStatus.PENDING
    with pytest.raises(UniqueConflict, match=second.id):
        await queue.submit([task(unique_key=KEY)])


async def test_a_batch_that_is_refused_replaces_nothing(queue, store):
    [first] = await queue.submit([task(unique_key=KEY)])
    [other] = await queue.submit([task(unique_key="other")])
    batch = [task({"n": 2}, unique_key=KEY, on_conflict="replace"), task(unique_key="other")]
    with pytest.raises(UniqueConflict, match=other.id):
        await queue.submit(batch)
    assert (await queue.get(first.id)).status is TaskStatus.PENDING
    with pytest.raises(UniqueConflict, match=first.id):
        await queue.submit([task(unique_key=KEY)])


async def test_an_idempotency_conflict_replaces_nothing(queue):
    [old] = await queue.submit([task(unique_key=KEY, idempotency_key="i")])
    await _ended(queue, old)
    [second] = await queue.submit([task(unique_key=KEY)])
    with pytest.raises(IdempotencyConflict):
        await queue.submit([task({"n": 2}, unique_key=KEY, idempotency_key="i", on_conflict="replace")])
    assert (await queue.get(second.id)).status is TaskStatus.PENDING
    with pytest.raises(UniqueConflict, match=second.id):
        await queue.submit([task(unique_key=KEY)])


async def test_a_throttled_call_repeated_after_its_window_opens_no_new_one(queue):
    submission = task(unique_key=KEY, throttle_seconds=0.2)
    [first] = await queue.submit([submission])

    async def is_over():
        [item] = await queue.submit([task({"n": 2}, unique_key=KEY, throttle_seconds=0.2)])
        return item.id != first.id and item

    second = await wait_until(is_over, describe="the window is over")
    [again] = await _sent_again(queue, submission, first)
    assert (again.id, again.deduplicated) == (first.id, None)
    assert second.deduplicated is None


async def test_a_debounced_call_repeated_after_its_task_has_ended_moves_nothing(queue):
    submission = task({"n": 1}, unique_key=KEY, debounce={"seconds": 60.0, "max_wait_seconds": 90.0})
    [first] = await queue.submit([submission])
    await queue.edit(first.id, by="ops", run_now=True)
    await _ended(queue, first)
    [second] = await queue.submit([submission.model_copy(update={"payload": {"n": 2}})])
    assert second.id != first.id
    [again] = await _sent_again(queue, submission, first)
    assert (again.id, again.status) == (first.id, TaskStatus.COMPLETED)
    assert (await queue.get(second.id)).payload == {"n": 2}


async def test_a_call_repeated_after_its_task_was_edited_is_no_conflict(queue):
    submission = task({"n": 1})
    [first] = await queue.submit([submission])
    await queue.edit(first.id, by="ops", payload={"n": 2}, priority=9)
    assert await _sent_again(queue, submission, first) == [(first.id, TaskStatus.PENDING, None)]
    assert (await queue.get(first.id)).payload == {"n": 2}

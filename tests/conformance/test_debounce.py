"""Debounce: the last payload after quiet. Throttle: one task per window, the others are told."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from shared.models import Deduplicated, TaskStatus
from tests.support.factories import ending, registered, task
from tests.support.waiting import wait_until

QUIET = {"seconds": 60.0, "max_wait_seconds": 90.0}


def quiet(n, key="k", **fields):
    return task({"n": n}, **{"unique_key": key, "debounce": QUIET, **fields})


async def test_the_last_payload_waits_for_quiet(queue, store):
    [first] = await queue.submit([quiet(1)])
    due = (await queue.get(first.id)).run_at
    [again] = await queue.submit([quiet(2)])
    assert again == (first.id, TaskStatus.SCHEDULED, Deduplicated.DEBOUNCED)
    stored = await queue.get(first.id)
    assert (stored.payload, stored.run_at >= due) == ({"n": 2}, True)
    assert (stored.run_at - stored.created_at).total_seconds() >= 60
    assert (await queue.overview()).counts["scheduled"] == 1


async def test_it_waits_no_longer_than_the_maximum(queue):
    fields = {"seconds": 60.0, "max_wait_seconds": 60.0}
    [first] = await queue.submit([quiet(1, debounce=fields)])
    await queue.submit([quiet(2, debounce=fields)])
    stored = await queue.get(first.id)
    assert (stored.run_at - stored.created_at).total_seconds() == 60


async def test_a_repeated_call_is_answered_the_same_and_doubles_nothing(queue):
    one, two = quiet(1), quiet(2)
    [first] = await queue.submit([one])
    prepared = [queue._prepare(two, _defaults(), None, 0, 1)]
    answers = [await queue._submit_unique(prepared, queue.shards[0]) for _ in range(2)]
    assert answers[0] == answers[1] == [(first.id, TaskStatus.SCHEDULED, Deduplicated.DEBOUNCED)]
    await queue.edit(first.id, by="ops", run_now=True)
    state = await registered(queue)
    [claim] = (await queue.exchange(state, free=1)).claims
    await queue.exchange(state, [ending(claim)], free=0)
    # Its answer was lost until now: the task it merged into has run.
    [late] = await queue._submit_unique(prepared, queue.shards[0])
    assert late == (first.id, TaskStatus.COMPLETED, Deduplicated.DEBOUNCED)


def _defaults():
    from shared.queue import Defaults

    return Defaults()


async def test_a_running_one_is_followed_by_the_next(queue):
    [first] = await queue.submit([quiet(1)])
    await queue.edit(first.id, by="ops", run_now=True)
    [still] = await queue.submit([quiet(2)])
    assert still == (first.id, TaskStatus.PENDING, Deduplicated.DEBOUNCED)
    state = await registered(queue)
    [claim] = (await queue.exchange(state, free=1)).claims
    assert claim.payload == '{"n":2}'
    [following] = await queue.submit([quiet(3)])
    assert following.id != first.id
    assert following.deduplicated is None
    await queue.exchange(state, [ending(claim)], free=0)
    [merged] = await queue.submit([quiet(4)])
    assert merged.id == following.id


async def test_of_several_in_one_batch_the_last_counts(queue):
    answers = await queue.submit([quiet(1), quiet(2), quiet(3, key="other"), quiet(4)])
    assert answers[0].id == answers[1].id == answers[3].id != answers[2].id
    assert [one.deduplicated for one in answers] == ["debounced", "debounced", None, None]
    assert (await queue.get(answers[0].id)).payload == {"n": 4}
    again = await queue.submit([quiet(5), quiet(6)])
    assert {one.id for one in again} == {answers[0].id}
    assert (await queue.get(answers[0].id)).payload == {"n": 6}


async def test_a_large_payload_comes_and_goes(queue):
    [first] = await queue.submit([quiet("x" * 20_000)])
    await queue.submit([quiet(2)])
    assert (await queue.get(first.id)).payload == {"n": 2}
    await queue.submit([quiet("y" * 20_000)])
    assert (await queue.get(first.id)).payload == {"n": "y" * 20_000}


async def test_a_refused_batch_moves_nothing(queue):
    [first] = await queue.submit([quiet(1)])
    await queue.submit([task(idempotency_key="i")])
    with pytest.raises(Exception, match="idempotency key"):
        await queue.submit([quiet(2), task({"other": 1}, idempotency_key="i")])
    assert (await queue.get(first.id)).payload == {"n": 1}


async def test_throttled_submissions_are_dropped_and_told(queue):
    [first] = await queue.submit([task({"n": 1}, unique_key="k", throttle_seconds=60)])
    state = await registered(queue)
    [claim] = (await queue.exchange(state, free=1)).claims
    await queue.exchange(state, [ending(claim)], free=0)
    [dropped] = await queue.submit([task({"n": 2}, unique_key="k", throttle_seconds=60)])
    assert dropped == (first.id, TaskStatus.COMPLETED, Deduplicated.THROTTLED)
    assert (await queue.get(first.id)).payload == {"n": 1}
    [other] = await queue.submit([task({"n": 3}, unique_key="k", throttle_seconds=60, queue="b")])
    assert other.deduplicated is None


async def test_the_window_ends(queue):
    [first] = await queue.submit([task(unique_key="k", throttle_seconds=0.05)])

    async def is_over():
        return (await queue.submit([task(unique_key="k", throttle_seconds=0.05)]))[0].id != first.id

    await wait_until(is_over, describe="the window is over")


async def test_a_refused_batch_opens_no_window(queue):
    await queue.submit([task(idempotency_key="i")])
    batch = [task(unique_key="k", throttle_seconds=60), task({"other": 1}, idempotency_key="i")]
    with pytest.raises(Exception, match="idempotency key"):
        await queue.submit(batch)
    assert (await queue.submit(batch[:1]))[0].deduplicated is None


@pytest.mark.parametrize(
    "fields",
    [
        {"debounce": QUIET},
        {"throttle_seconds": 5},
        {"unique_key": "k", "debounce": QUIET, "throttle_seconds": 5},
        {"unique_key": "k", "debounce": QUIET, "delay_seconds": 5},
        {"unique_key": "k", "debounce": {"seconds": 5.0, "max_wait_seconds": 4.0}},
        {"unique_key": "k", "debounce": QUIET, "idempotency_key": "i"},
        {"unique_key": "k", "debounce": QUIET, "on_conflict": "existing"},
        {"unique_key": "k", "debounce": {"seconds": 0}},
    ],
)
def test_what_does_not_fit_together_is_refused(fields):
    with pytest.raises(ValidationError):
        task(**fields)

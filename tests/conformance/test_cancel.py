"""Cancelling in every status, and how a worker hears of it."""

from __future__ import annotations

import copy

import pytest

from shared.errors import Conflict, NotFound
from shared.jobs import JobFilter, JobKind
from shared.models import TaskStatus
from tests.support.factories import ending, registered, task, tasks
from tests.support.waiting import wait_until


async def _claimed(queue, **fields):
    """A running task: its worker and its claim."""
    await queue.submit([task(**fields)])
    state = await registered(queue)
    [claim] = (await queue.exchange(state, free=1)).claims
    return state, claim


async def test_pending_and_scheduled_end_at_once(queue):
    items = await queue.submit([task(), task(delay_seconds=60)])
    for item in items:
        assert await queue.cancel(item.id) is TaskStatus.CANCELLED
        stored = await queue.get(item.id)
        assert (stored.status, stored.attempts) == (TaskStatus.CANCELLED, [])
        assert stored.finished_at >= stored.created_at
    state = await registered(queue)
    assert (await queue.exchange(state, free=10)).claims == []


async def test_retrying_ends_at_once(queue):
    state, claim = await _claimed(queue)
    await queue.exchange(state, [ending(claim, "f", delay_ms=60_000)], free=0)
    assert await queue.cancel(claim.id) is TaskStatus.CANCELLED
    stored = await queue.get(claim.id)
    assert (stored.status, [one.outcome for one in stored.attempts]) == (TaskStatus.CANCELLED, ["failed"])


async def test_parked_ends_at_once(queue):
    [item] = await queue.submit([task(task_type="alien")])
    state = await registered(queue)
    await queue.exchange(state, free=1)
    assert await queue.cancel(item.id) is TaskStatus.CANCELLED


async def test_twice_is_once(queue):
    [item] = await queue.submit([task()])
    await queue.cancel(item.id)
    finished = (await queue.get(item.id)).finished_at
    assert await queue.cancel(item.id) is TaskStatus.CANCELLED
    assert (await queue.get(item.id)).finished_at == finished


@pytest.mark.parametrize("kind", ["c", "x"])
async def test_what_has_ended_is_a_conflict(queue, kind):
    state, claim = await _claimed(queue)
    await queue.exchange(state, [ending(claim, kind)], free=0)
    with pytest.raises(Conflict, match="Nothing was changed"):
        await queue.cancel(claim.id)


async def test_an_unknown_task_is_not_found(queue):
    with pytest.raises(NotFound):
        await queue.cancel("0" * 27)


async def test_a_running_task_is_told_to_its_worker_once_and_again_on_replay(queue):
    state, claim = await _claimed(queue)
    assert await queue.cancel(claim.id) is TaskStatus.RUNNING
    assert await queue.cancel(claim.id) is TaskStatus.RUNNING
    before = copy.copy(state)
    assert (await queue.exchange(state, free=0, holding=1)).cancelled == [claim.id]
    assert (await queue.exchange(before, free=0, holding=1)).cancelled == [claim.id]
    assert (await queue.exchange(state, free=0, holding=1)).cancelled == []
    await queue.exchange(state, [ending(claim, "k")], free=0)
    assert (await queue.get(claim.id)).status is TaskStatus.CANCELLED


async def test_only_its_worker_is_told(queue):
    state, claim = await _claimed(queue)
    other = await registered(queue)
    await queue.cancel(claim.id)
    assert (await queue.exchange(other, free=1)).cancelled == []
    assert (await queue.exchange(state, free=0, holding=1)).cancelled == [claim.id]


@pytest.mark.parametrize("kind", ["f", "s", "h", "k"])
@pytest.mark.parametrize("is_told", [True, False])
async def test_an_attempt_that_ends_unfinished_ends_the_task(queue, kind, is_told):
    """Told or not yet: whatever the worker answers but success or rejection, it is cancelled."""
    state, claim = await _claimed(queue)
    await queue.cancel(claim.id)
    if is_told:
        await queue.exchange(state, free=0, holding=1)
    reply = await queue.exchange(state, [ending(claim, kind, delay_ms=1)], free=1)
    assert (reply.lost, reply.claims) == ([], [])
    stored = await queue.get(claim.id)
    assert (stored.status, stored.attempts[-1].outcome) == (TaskStatus.CANCELLED, "cancelled")


@pytest.mark.parametrize("is_told", [True, False])
async def test_a_completed_outcome_wins(queue, is_told):
    state, claim = await _claimed(queue)
    await queue.cancel(claim.id)
    if is_told:
        await queue.exchange(state, free=0, holding=1)
    await queue.exchange(state, [ending(claim)], free=0)
    assert (await queue.get(claim.id)).status is TaskStatus.COMPLETED


@pytest.mark.parametrize("exchanges_after", [0, 1, 3])
async def test_the_worker_dies_and_the_cancellation_is_not_forgotten(queue, exchanges_after):
    items = await queue.submit(tasks(2))
    state = await registered(queue, lease_ms=200)
    await queue.exchange(state, free=2)
    await queue.cancel(items[0].id)
    for _ in range(exchanges_after):
        await queue.exchange(state, free=0, holding=2)

    async def is_reaped():
        await queue.tick()
        return (await queue.get(items[1].id)).status is TaskStatus.PENDING

    await wait_until(is_reaped, describe="the reaper has come")
    assert (await queue.get(items[0].id)).status is TaskStatus.CANCELLED


async def test_a_cancellation_does_not_outlive_its_claim(queue):
    """The same worker may claim a requeued task of that id again; the old request is not for it."""
    state, claim = await _claimed(queue)
    await queue.cancel(claim.id)
    await queue.exchange(state, free=0, holding=1)
    await queue.exchange(state, [ending(claim)], free=0)
    reply = await queue.exchange(state, free=0)
    assert reply.cancelled == []


async def test_who_cancelled_it_is_kept_with_a_task_that_had_not_started(queue):
    items = await queue.submit([task(), task(), task(delay_seconds=60)])
    await queue.cancel(items[0].id, by="ops-laptop\nrequest-1")
    await queue.cancel(items[1].id)
    wanted = JobFilter(queue="default", statuses=frozenset({TaskStatus.SCHEDULED}))
    await queue.run_job_slice(
        await queue.begin_job(JobKind.CANCEL, wanted, by="ops-desk\nrequest-2"), 1, "me"
    )
    told = [await queue.get(item.id) for item in items]
    assert [one.status for one in told] == [TaskStatus.CANCELLED] * 3
    assert [one.cancelled_by for one in told] == ["ops-laptop", None, "ops-desk"]
    assert [one.fingerprint for one in told] == [None] * 3


async def test_who_cancelled_it_survives_the_audit_and_its_removal(queue, store):
    """The word stands where a dead task has its group."""
    [item] = await queue.submit([task(retention_seconds=1)])
    await queue.cancel(item.id, by="ops-laptop")
    assert (await queue.audit(may_go_on=lambda: True)).repaired == {}
    assert await queue.error_groups() == []
    assert (await queue.delete([item.id], by="ops")).done == [item.id]


async def test_asked_again_and_again_it_is_remembered_once(queue, store):
    [item] = await queue.submit([task()])
    state = await registered(queue)
    await queue.exchange(state, free=1)
    for _ in range(3):
        await queue.cancel(item.id)
        assert (await queue.exchange(state, free=0, holding=1)).cancelled == [item.id]
    told = store.hget("{test:0}:queues", f"*:+{state.name}").split("|")[3]
    assert told.split() == [item.id]

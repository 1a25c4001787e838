"""What operators do: requeue, delete, edit, run now, pause, resume, drain, and the groups of dead letters."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import pytest

from shared.errors import Conflict, InvalidInput, NotFound
from shared.models import TaskStatus
from tests.support.factories import ending, registered, task, tasks

DEAD, PENDING, SCHEDULED = TaskStatus.DEAD, TaskStatus.PENDING, TaskStatus.SCHEDULED


async def die(queue, count: int = 1, *, group: str = "abc", **fields) -> list[str]:
    """Ids of tasks that were rejected."""
    items = await queue.submit(tasks(count, **fields))
    state = await registered(queue)
    claims = (await queue.exchange(state, free=count)).claims
    await queue.exchange(state, [ending(claim, "x")._replace(group=group) for claim in claims], free=0)
    await queue.leave(state)
    return [item.id for item in items]


async def test_a_dead_task_begins_a_new_series(queue):
    [task_id] = await die(queue)
    assert await queue.requeue_one(task_id, by="ops laptop", payload={"n": 2**70}) is PENDING
    stored = await queue.get(task_id)
    assert (stored.status, stored.attempt, stored.error, stored.payload) == (PENDING, 0, None, {"n": 2**70})
    assert [(one.outcome, one.worker) for one in stored.attempts][1:] == [("requeued", "ops-laptop")]
    state = await registered(queue)
    [claim] = (await queue.exchange(state, free=1)).claims
    assert (claim.attempt, claim.payload) == (1, f'{{"n":{2**70}}}')
    await queue.exchange(state, [ending(claim)], free=0)
    assert (await queue.get(task_id)).status is TaskStatus.COMPLETED


async def test_what_is_not_dead_is_not_requeued(queue):
    [item] = await queue.submit([task()])
    with pytest.raises(Conflict, match="is pending"):
        await queue.requeue_one(item.id, by="ops")
    with pytest.raises(NotFound):
        await queue.requeue_one("0" * 27, by="ops")


async def test_a_conflict_tells_who_requeued_it_and_when(queue):
    [task_id] = await die(queue)
    await queue.requeue_one(task_id, by="ops laptop\nrequest-1")
    state = await registered(queue)
    [claim] = (await queue.exchange(state, free=1)).claims
    said = r"already running again \(requeued [\d.]+ (ms|s) ago by ops-laptop\)\. Nothing was changed\.$"
    with pytest.raises(Conflict, match=said):
        await queue.requeue_one(task_id, by="late")
    await queue.exchange(state, [ending(claim)], free=0)
    with pytest.raises(Conflict, match=r"already completed \(requeued"):
        await queue.requeue_one(task_id, by="late")


async def test_requeueing_twice_changes_nothing_the_second_time(queue):
    [task_id] = await die(queue)
    await queue.requeue_one(task_id, by="ops")
    before = await queue.get(task_id)
    result = await queue.requeue([task_id], by="ops")
    assert result.done == [task_id]
    assert await queue.get(task_id) == before


async def test_many_are_requeued_in_order_and_the_rest_is_told(queue):
    dead = await die(queue, 99)
    [alive] = await queue.submit([task(delay_seconds=60)])
    result = await queue.requeue([*dead, alive.id], by="ops")
    assert result.done == dead
    assert result.skipped == [(alive.id, SCHEDULED)]
    state = await registered(queue)
    assert [claim.id for claim in (await queue.exchange(state, free=100)).claims] == dead
    with pytest.raises(InvalidInput, match="100"):
        await queue.requeue([f"{n:027d}" for n in range(101)], by="ops")


async def test_the_dead_are_listed_by_error(queue):
    first = await die(queue, 3, group="first")
    second = await die(queue, 2, group="second")
    groups = {group.fingerprint: group for group in await queue.error_groups()}
    assert {name: group.count for name, group in groups.items()} == {"first": 3, "second": 2}
    assert groups["first"].task.id in first
    assert groups["first"].task.status is DEAD
    page = await queue.group_ids("first", limit=2)
    assert page + await queue.group_ids("first", after=page[-1]) == sorted(first)
    await queue.requeue(second, by="ops")
    assert [group.fingerprint for group in await queue.error_groups()] == ["first"]


async def test_groups_come_by_their_last_death_and_go_with_their_last_task(queue, store):
    """They stand in `done` beside the tasks; one's member there is as long as an id."""
    long = "g" * 21
    for group in ("early", long, "late", "early"):
        await die(queue, group=group)
        await asyncio.sleep(0.002)  # each dies in a ms of its own
    groups = await queue.error_groups()
    assert [(group.fingerprint, group.count) for group in groups] == [("early", 2), ("late", 1), (long, 1)]
    assert [group.last_at for group in groups] == [group.task.finished_at for group in groups]
    assert [group.fingerprint for group in await queue.error_groups(limit=2)] == ["early", "late"]
    assert (await queue.audit(may_go_on=lambda: True)).repaired == {}
    await queue.delete_one(groups[1].task.id, by="ops")
    assert [group.fingerprint for group in await queue.error_groups()] == ["early", long]
    listed = {member for member in store.zrange("{test:0}:done", 0, -1) if ":" in member}
    assert listed == {"group:early", f"group:{long}"}
    await queue.delete_one(groups[2].task.id, by="ops")
    await queue.audit(may_go_on=lambda: True)
    assert store.zscore("{test:0}:done", f"group:{long}") is None


@pytest.mark.parametrize("status", ["pending", "scheduled", "dead", "parked"])
async def test_a_task_that_does_not_run_is_deleted_with_all_it_had(queue, store, status):
    large = {"text": "y" * 20_000}
    if status == "dead":
        [task_id] = await die(queue)
    else:
        fields = {"delay_seconds": 60} if status == "scheduled" else {}
        kind = "alien" if status == "parked" else "noop"
        [item] = await queue.submit([task(large, task_type=kind, **fields)])
        task_id = item.id
        if status == "parked":
            await queue.exchange(await registered(queue), free=1)
    await queue.delete_one(task_id, by="ops")
    with pytest.raises(NotFound):
        await queue.get(task_id)
    assert not [key for key in store.scan_iter() if task_id in key]
    with pytest.raises(NotFound):
        await queue.delete_one(task_id, by="ops")


async def test_a_running_task_is_not_deleted(queue):
    [item] = await queue.submit([task()])
    await queue.exchange(await registered(queue), free=1)
    with pytest.raises(Conflict, match="running"):
        await queue.delete_one(item.id, by="ops")
    assert (await queue.get(item.id)).status is TaskStatus.RUNNING


async def test_editing_a_task_that_waits(queue):
    first, second = await queue.submit(tasks(2))
    await queue.edit(second.id, by="ops", priority=9, payload={"new": "y" * 20_000})
    state = await registered(queue)
    claims = (await queue.exchange(state, free=2)).claims
    assert [claim.id for claim in claims] == [second.id, first.id]
    await queue.load_bodies(claims)
    assert claims[0].payload == '{"new":"' + "y" * 20_000 + '"}'
    with pytest.raises(Conflict, match="running"):
        await queue.edit(first.id, by="ops", priority=1)


async def test_an_edited_payload_keeps_the_place_in_the_queue(queue):
    items = await queue.submit(tasks(3))
    await queue.edit(items[0].id, by="ops", payload={"n": 100})
    state = await registered(queue)
    assert [claim.id for claim in (await queue.exchange(state, free=3)).claims] == [item.id for item in items]


async def test_run_now_and_later(queue):
    [item] = await queue.submit([task(delay_seconds=600)])
    assert await queue.edit(item.id, by="ops", run_now=True) is PENDING
    later = (await queue.overview()).now.timestamp() * 1000 + 600_000
    assert await queue.edit(item.id, by="ops", run_at_ms=later) is SCHEDULED
    stored = await queue.get(item.id)
    assert abs(stored.run_at.timestamp() * 1000 - later) < 2
    assert await queue.edit(item.id, by="ops", run_at_ms=1) is PENDING


async def test_a_paused_queue_waits_and_a_resumed_one_wakes(queue, store):
    await queue.submit(tasks(3))
    assert await queue.pause("default", by="ops", reason="migration") == 3
    state = await registered(queue)
    assert (await queue.exchange(state, free=3)).claims == []
    [info] = (await queue.overview()).queues
    assert (info.paused["by"], info.paused["reason"]) == ("ops", "migration")
    since = datetime.fromisoformat(info.paused["at"])
    assert abs((await queue.overview()).now - since) < timedelta(seconds=60)
    [more] = await queue.submit([task()])
    seen = store.xrevrange("{test:0}:wakes", count=1)[0][0]
    assert await queue.resume("default", by="ops") == 4
    assert store.xrange("{test:0}:wakes", f"({seen}")[0][1] == {"q": "default"}
    assert len((await queue.exchange(state, free=5)).claims) == 4
    assert [info.paused for info in (await queue.overview()).queues] == [None]
    assert [fields["action"] for _, fields in store.xrange("{test:0}:audit")] == ["pause", "resume"]
    assert more.status is PENDING


async def test_a_draining_worker_claims_no_more(queue):
    items = await queue.submit(tasks(2))
    state = await registered(queue)
    [claim] = (await queue.exchange(state, free=1)).claims
    assert await queue.drain(state.name, by="ops") == 1
    assert await queue.drain(state.name, by="ops") == 1
    assert [worker.draining for worker in (await queue.overview()).workers] == [True]
    reply = await queue.exchange(state, [ending(claim)], free=1)
    assert (reply.claims, reply.is_draining) == ([], True)
    assert (await queue.get(items[0].id)).status is TaskStatus.COMPLETED
    for _ in range(2):
        await queue.drain(state.name, by="ops", hold=False)
    [shown] = (await queue.overview()).workers
    assert (shown.draining, shown.types) == (False, ["noop"])
    reply = await queue.exchange(state, free=1)
    assert ([claim.id for claim in reply.claims], reply.is_draining) == ([items[1].id], False)
    with pytest.raises(NotFound):
        await queue.drain("nobody", by="ops")

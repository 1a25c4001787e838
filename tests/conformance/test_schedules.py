"""Recurring schedules fire exactly once per due time, whoever meets them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from shared.errors import Conflict, InvalidInput, NotFound
from shared.models import ScheduleSpec, TaskStatus
from shared.queue.scheduling import read_due
from tests.support.factories import ending, registered, task

HOUR = timedelta(hours=1)


def spec(**fields) -> ScheduleSpec:
    return ScheduleSpec(**{"interval_seconds": 3600.0, "task": task({"n": 1}), **fields})


async def server_now(queue) -> datetime:
    return (await queue.overview()).now


async def hand_out(queue):
    """The due schedules of one tick."""
    _, flat = await queue.tick_and_tell()
    return read_due(flat)


async def test_a_due_time_fires_once_whoever_meets_it(queue):
    now = await server_now(queue)
    assert await queue.save_schedule("hourly", spec(), by="ops", now=now - HOUR)
    state = await registered(queue)
    reply = await queue.exchange(state, free=5)
    [due] = read_due(reply.due)
    results = [await queue.fire(due, datetime.fromtimestamp(due.due_ms / 1000, UTC)) for _ in range(3)]
    assert results == ["fired", "stale", "stale"]
    [claim] = (await queue.exchange(state, free=5)).claims
    assert claim.payload == '{"n":1}'
    [stored] = await queue.schedules()
    assert stored.last_task_id == claim.id
    assert stored.next_at == datetime.fromtimestamp(due.due_ms / 1000, UTC) + HOUR


async def test_one_that_nobody_fired_is_handed_out_again_later(queue, store):
    now = await server_now(queue)
    await queue.save_schedule("hourly", spec(), by="ops", now=now - HOUR)
    [first] = await hand_out(queue)
    assert await hand_out(queue) == []
    ahead = store.zscore("{test:0}:timers", "s:hourly") - now.timestamp() * 1000
    assert 9_000 < ahead < 12_000
    store.zadd("{test:0}:timers", {"s:hourly": 1})
    assert await hand_out(queue) == [first]


@pytest.mark.parametrize(("policy", "result", "count"), [("skip", "skipped", 0), ("once", "fired", 1)])
async def test_times_that_were_missed(queue, policy, result, count):
    now = await server_now(queue)
    await queue.save_schedule("hourly", spec(catch_up=policy), by="ops", now=now - 30 * HOUR)
    [due] = await hand_out(queue)
    assert await queue.fire(due, now) == result
    assert (await queue.overview()).counts["pending"] == count
    [stored] = await queue.schedules()
    assert now < stored.next_at <= now + HOUR


async def test_overlap_is_skipped_while_the_last_task_lives(queue, store):
    now = await server_now(queue)
    await queue.save_schedule("hourly", spec(overlap="skip"), by="ops", now=now - HOUR)
    state = await registered(queue)
    seen = []
    for _ in range(3):
        store.zadd("{test:0}:timers", {"s:hourly": 1})
        [due] = await hand_out(queue)
        seen.append(await queue.fire(due, datetime.fromtimestamp(due.due_ms / 1000, UTC)))
        if len(seen) == 2:
            [claim] = (await queue.exchange(state, free=1, maintain=False)).claims
            await queue.exchange(state, [ending(claim)], free=0, maintain=False)
    assert seen == ["fired", "skipped", "fired"]
    [stored] = await queue.schedules()
    assert [(run.task_id is None, run.status) for run in stored.runs] == [
        (False, TaskStatus.PENDING),
        (True, None),
        (False, TaskStatus.COMPLETED),
    ]
    assert stored.last_task_id == stored.runs[0].task_id
    assert stored.runs[2].run_ms >= 0
    assert [run.run_ms for run in stored.runs[:2]] == [None, None]


async def test_the_last_ten_runs_are_told_and_one_that_is_kept_no_more(queue):
    now = await server_now(queue)
    await queue.save_schedule("hourly", spec(), by="ops", now=now)
    ids = [await queue.run_schedule("hourly", by="ops") for _ in range(12)]
    await queue.cancel(ids[-1])
    await queue.delete(ids[-1:], by="ops")
    await queue.cancel(ids[-2])
    [stored] = await queue.schedules()
    assert [run.task_id for run in stored.runs] == ids[:1:-1]
    assert [(run.status, run.run_ms) for run in stored.runs[:2]] == [
        (None, None),
        (TaskStatus.CANCELLED, None),
    ]


async def test_how_long_a_run_took_until_it_died(queue):
    await queue.save_schedule("hourly", spec(), by="ops", now=await server_now(queue))
    await queue.run_schedule("hourly", by="ops")
    state = await registered(queue)
    [claim] = (await queue.exchange(state, free=1, maintain=False)).claims
    await queue.exchange(state, [ending(claim, "x")], free=0, maintain=False)
    [run] = (await queue.schedules())[0].runs
    assert (run.status, run.run_ms is not None and run.run_ms >= 0) == (TaskStatus.DEAD, True)


async def test_pause_resume_run_now_and_delete(queue):
    now = await server_now(queue)
    await queue.save_schedule("hourly", spec(), by="ops", now=now - HOUR)
    await queue.pause_schedule("hourly", by="ops", reason="holidays")
    assert await hand_out(queue) == []
    [stored] = await queue.schedules()
    assert stored.paused == "holidays"
    task_id = await queue.run_schedule("hourly", by="ops laptop")
    assert (await queue.get(task_id)).status is TaskStatus.PENDING
    await queue.resume_schedule("hourly", by="ops", now=now)
    [stored] = await queue.schedules()
    assert (stored.paused, stored.next_at > now) == (None, True)
    await queue.delete_schedule("hourly", by="ops")
    assert await queue.schedules() == []
    with pytest.raises(NotFound):
        await queue.delete_schedule("hourly", by="ops")


async def test_who_ran_one_is_kept(queue, store):
    now = await server_now(queue)
    await queue.save_schedule("hourly", spec(), by="ops", now=now)
    task_id = await queue.run_schedule("hourly", by="ops laptop")
    last = store.xrevrange("{test:0}:audit", count=1)[0][1]
    said = {"action": "run schedule", "target": "hourly", "by": "ops-laptop", "detail": task_id}
    assert last == {**said, "request": ""}


async def test_a_paused_schedule_that_is_changed_stays_paused(queue, store):
    now = await server_now(queue)
    await queue.save_schedule("hourly", spec(), by="ops", now=now)
    await queue.pause_schedule("hourly", by="ops", reason="holidays")
    assert not await queue.save_schedule("hourly", spec(interval_seconds=60.0), by="ops", now=now - HOUR)
    [stored] = await queue.schedules()
    assert (stored.paused, stored.spec.interval_seconds) == ("holidays", 60)
    assert await hand_out(queue) == []
    await queue.resume_schedule("hourly", by="ops", now=now - HOUR)
    assert len(await hand_out(queue)) == 1


async def test_a_thousand_can_be_stored_whatever_they_did(queue, store):
    now = await server_now(queue)
    names = [f"s{n}" for n in range(998)]
    fields = dict.fromkeys(names, "{}")
    for suffix in ("n", "l", "p"):
        fields |= {f"{name}:{suffix}": "1" for name in names}
    store.hset("{test:0}:schedules", mapping=fields)
    assert await queue.save_schedule("one", spec(), by="ops", now=now)
    assert await queue.save_schedule("two", spec(), by="ops", now=now)
    with pytest.raises(Conflict, match="1,000"):
        await queue.save_schedule("three", spec(), by="ops", now=now)
    assert not await queue.save_schedule("two", spec(), by="ops", now=now)


async def test_a_paused_schedule_that_was_handed_out_does_not_fire(queue):
    now = await server_now(queue)
    await queue.save_schedule("hourly", spec(), by="ops", now=now - HOUR)
    [due] = await hand_out(queue)
    await queue.pause_schedule("hourly", by="ops")
    assert await queue.fire(due, now) == "stale"
    assert (await queue.overview()).counts["pending"] == 0


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"interval_seconds": None, "cron": "0 0 30 2 *"}, "cron"),
        ({"interval_seconds": None, "cron": "every day"}, "cron"),
        ({"interval_seconds": None, "cron": "0 9 * * *", "zone": "Mars/Base"}, "zone"),
        ({"cron": "0 9 * * *"}, "cron"),
    ],
)
async def test_what_never_fires_is_refused(queue, store, fields, field):
    now = await server_now(queue)
    with pytest.raises(InvalidInput, match=field):
        await queue.save_schedule("x", spec(**fields), by="ops", now=now)
    assert await queue.schedules() == []

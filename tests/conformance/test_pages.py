"""Pages of tasks: filters by when they were submitted, and cursors that stand still while tasks come and go."""

from __future__ import annotations

import base64
import json

import pytest

from shared.errors import CursorMismatch, InvalidInput
from shared.models import Limit, TaskStatus
from shared.queue.cursors import ANY_TASK, TaskFilter
from tests.support.factories import ending, registered, task, tasks

ALL_STATUSES = [status for status in TaskStatus if status is not TaskStatus.WAITING]


async def _one_of_each(queue):
    """A task in each status; their ids by status."""
    state = await registered(queue)
    ids = {}
    for status, kind in (("completed", "c"), ("dead", "x"), ("cancelled", "k"), ("retrying", "f")):
        [ids[status]] = [one.id for one in await queue.submit(tasks(1))]
        [claim] = (await queue.exchange(state, free=1)).claims
        await queue.exchange(state, [ending(claim, kind, delay_ms=60_000 if kind == "f" else 0)], free=0)
    [ids["running"]] = [one.id for one in await queue.submit(tasks(1))]
    await queue.exchange(state, free=1)
    [ids["scheduled"]] = [one.id for one in await queue.submit([task(delay_seconds=60)])]
    [ids["pending"]] = [one.id for one in await queue.submit(tasks(1))]
    return ids


async def _all(queue, wanted=ANY_TASK, limit=2):
    seen, cursor = [], ""
    for _ in range(200):
        page = await queue.list_tasks(wanted, limit=limit, cursor=cursor)
        seen += [one.id for one in page.tasks]
        if page.next_cursor is None:
            return seen
        cursor = page.next_cursor
    raise AssertionError("no last page")


async def test_created_range_in_every_status(queue, store):
    """Half-open: the first ms belongs to it, the last one does not."""
    ids = await _one_of_each(queue)
    created = {status: int((await queue.get(ids[status])).created_at.timestamp() * 1000) for status in ids}
    for status in ALL_STATUSES:
        at = created[status]
        for after, before, is_in in (
            (at, at + 1, True),
            (at + 1, None, False),
            (None, at, False),
            (None, at + 1, True),
        ):
            found = await _all(queue, TaskFilter(status, None, None, after, before))
            assert (ids[status] in found) is is_in, (status, after, before)
    first, last = min(created.values()), max(created.values())
    assert sorted(await _all(queue, TaskFilter(None, None, None, first, last + 1))) == sorted(ids.values())
    assert await _all(queue, TaskFilter(None, None, None, last + 1)) == []
    assert await _all(queue, TaskFilter(None, None, None, last, last)) == []


async def test_a_range_is_looked_for_among_a_thousand_a_call(queue):
    """A page may be empty and still have a successor."""
    await queue.submit(tasks(1_000))
    await queue.submit(tasks(1_000))
    [late] = await queue.submit(tasks(1))
    newest = int((await queue.get(late.id)).created_at.timestamp() * 1000)
    wanted = TaskFilter(TaskStatus.PENDING, None, None, newest)
    before = queue.calls
    page = await queue.list_tasks(wanted, limit=50)
    assert queue.calls - before <= 15
    assert page.next_cursor is not None
    assert (await _all(queue, wanted))[-1] == late.id


@pytest.mark.parametrize("kind", ["c", "x"])
async def test_what_leaves_between_two_pages_hides_nothing(queue, kind):
    """100 tasks ended in one call: they have one score. Those of the first page are removed meanwhile."""
    state = await registered(queue)
    ids = [one.id for one in await queue.submit(tasks(100))]
    claims = (await queue.exchange(state, free=100)).claims
    await queue.exchange(state, [ending(claim, kind) for claim in claims], free=0)
    wanted = TaskFilter(TaskStatus.COMPLETED if kind == "c" else TaskStatus.DEAD)
    seen, cursor = [], ""
    while cursor is not None:
        page = await queue.list_tasks(wanted, limit=7, cursor=cursor)
        seen += [one.id for one in page.tasks]
        cursor = page.next_cursor
        await queue.delete([one.id for one in page.tasks], by="test")
    assert sorted(seen) == sorted(ids)
    assert len(seen) == 100


async def test_what_comes_between_two_pages_repeats_nothing(queue):
    """Delayed to one instant, so of one score, in the order of their ids; new ids come behind."""
    from datetime import UTC, datetime, timedelta

    at = datetime.now(UTC) + timedelta(hours=1)
    first = [one.id for one in await queue.submit(tasks(30, run_at=at))]
    seen, cursor = [], ""
    while cursor is not None:
        page = await queue.list_tasks(TaskFilter(TaskStatus.SCHEDULED), limit=7, cursor=cursor)
        seen += [one.id for one in page.tasks]
        cursor = page.next_cursor
        if len(seen) < 20:
            await queue.submit(tasks(3, run_at=at))
    assert len(set(seen)) == len(seen)
    assert set(first) <= set(seen)


async def test_many_of_one_instant(queue, store):
    """More of one score than are read again at a time, with some of them gone meanwhile."""
    from datetime import UTC, datetime, timedelta

    at = datetime.now(UTC) + timedelta(hours=1)
    ids = []
    for _ in range(5):
        ids += [one.id for one in await queue.submit(tasks(500, run_at=at))]
    seen, cursor = [], ""
    while cursor is not None:
        page = await queue.list_tasks(TaskFilter(TaskStatus.SCHEDULED), limit=400, cursor=cursor)
        seen += [one.id for one in page.tasks]
        cursor = page.next_cursor
        for one in page.tasks[:50]:
            await queue.cancel(one.id)
    assert sorted(seen) == sorted(ids)


@pytest.mark.parametrize(
    ("other", "named"),
    [
        (TaskFilter(TaskStatus.PENDING, "b"), "queue"),
        (TaskFilter(TaskStatus.PENDING), "queue"),
        (TaskFilter(None, "a"), "status"),
        (TaskFilter(TaskStatus.PENDING, "a", "noop"), "task_type"),
        (TaskFilter(TaskStatus.PENDING, "a", None, 5), "created_after"),
        (TaskFilter(TaskStatus.DEAD, "b", None, None, 5), "created_before, queue, status"),
    ],
)
async def test_a_cursor_carries_its_filter(queue, other, named):
    await queue.submit(tasks(5, queue="a"))
    mine = TaskFilter(TaskStatus.PENDING, "a")
    cursor = (await queue.list_tasks(mine, limit=2)).next_cursor
    with pytest.raises(CursorMismatch) as caught:
        await queue.list_tasks(other, limit=2, cursor=cursor)
    assert caught.value.detail.startswith(f"cursor: was made for another {named}.")
    assert len((await queue.list_tasks(mine, limit=3, cursor=cursor)).tasks) == 3  # the limit may change


def _forged(*parts, said=None):
    text = json.dumps([*parts, said or {}])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    ("cursor", "wanted"),
    [
        (_forged("pending:b", "", "", 0, said={"queue": "a"}), TaskFilter(None, "a")),
        (_forged("parked:b:x", "", "", 0, said={"queue": "a"}), TaskFilter(None, "a")),
        (_forged("done:dead", "", "", 0, said={"status": "completed"}), TaskFilter(TaskStatus.COMPLETED)),
        (_forged("done", "", "", 0, said={"status": "pending"}), TaskFilter(TaskStatus.PENDING)),
        (_forged("done", "-1", "", 0), ANY_TASK),
        (_forged("timers", "", "", 0, said={"status": "pending"}), TaskFilter(TaskStatus.PENDING)),
        (_forged("t:x", "", "", 0), ANY_TASK),
        (_forged("pending", "", "", 0), ANY_TASK),
        (_forged("timers", "-inf", "", 0), ANY_TASK),
        (_forged("timers", "", "", -1), ANY_TASK),
        (_forged("timers", "", "", True), ANY_TASK),
        (_forged("timers", "", "x" * 3_000, 0), ANY_TASK),
        (_forged("timers", "", 5, 0), ANY_TASK),
        (_forged("timers", "", "", 0, said=["queue"]), ANY_TASK),
        (_forged("timers", "", 0), ANY_TASK),
        (_forged(), ANY_TASK),
        ("W10", ANY_TASK),
        ("bnVsbA", ANY_TASK),
    ],
)
async def test_a_forged_cursor_leads_nowhere(queue, cursor, wanted):
    with pytest.raises(InvalidInput) as caught:
        await queue.list_tasks(wanted, cursor=cursor)
    assert caught.value.field == "cursor"
    assert caught.value.status == 422


async def _ended(queue, groups: int = 3) -> dict[str, list[str]]:
    """Three tasks of each status that is an end, the dead in groups; ids by status, the newest first."""
    state = await registered(queue)
    ids: dict[str, list[str]] = {}
    for status, kind in (("completed", "c"), ("dead", "x"), ("cancelled", "k")):
        items = await queue.submit(tasks(3))
        for n in range(3):
            [claim] = (await queue.exchange(state, free=1)).claims
            group = f"group-{n % groups}" if kind == "x" else ""
            await queue.exchange(state, [ending(claim, kind)._replace(group=group)], free=0)
        ids[status] = [one.id for one in reversed(items)]
    return ids


@pytest.mark.parametrize("limit", [1, 2, 3, 9, 50])
async def test_ended_tasks_of_any_status_come_dead_cancelled_completed(queue, limit):
    """They are in one index, and the groups of errors behind them are no tasks."""
    ids = await _ended(queue)
    seen = await _all(queue, limit=limit)
    assert [set(seen[n : n + 3]) for n in (0, 3, 6)] == [
        set(ids[status]) for status in ("dead", "cancelled", "completed")
    ]
    assert len(seen) == 9
    assert sorted(await _all(queue, TaskFilter(None, "default", "noop"), limit)) == sorted(seen)


@pytest.mark.parametrize("status", ["completed", "dead", "cancelled"])
async def test_no_score_leads_into_another_status(queue, store, status):
    """A page has its status alone, whatever a forged cursor says; of `done` scores tell the status."""
    ids = await _ended(queue)
    wanted = TaskFilter(TaskStatus(status))
    for limit in (1, 2, 50):
        assert sorted(await _all(queue, wanted, limit)) == sorted(ids[status])
    scores = [f"{score:.0f}" for _, score in store.zrange("{test:0}:done", 0, -1, withscores=True)]
    for score in (*scores, "0", "1e+30", "9" * 20):
        for member in ("", "z" * 27):
            cursor = _forged("done", score, member, 0, said={"status": status})
            page = await queue.list_tasks(wanted, cursor=cursor)
            assert {one.id for one in page.tasks} <= set(ids[status])


async def test_tasks_parked_by_a_long_limit_key(queue):
    """All of score 0, told apart by name; a cursor carries the whole of it."""
    state = await registered(queue)
    await queue.limit_keys("default", Limit(concurrency=1), by="ops")
    ids = [one.id for one in await queue.submit([task({"n": n}, limit_key="ü" * 200) for n in range(30)])]
    claims = (await queue.exchange(state, free=1)).claims
    parked = [task_id for task_id in ids if task_id not in {claim.id for claim in claims}]
    assert await _all(queue, TaskFilter(TaskStatus.PENDING), limit=7) == parked


async def test_tasks_parked_by_a_limit_key_that_is_spelled_like_a_kind_of_timer(queue):
    state = await registered(queue)
    await queue.limit_keys("default", Limit(concurrency=1), by="ops")
    ids = [one.id for one in await queue.submit([task({"n": n}, limit_key="t") for n in range(6)])]
    assert len((await queue.exchange(state, free=6)).claims) == 1
    assert await _all(queue, TaskFilter(TaskStatus.PENDING), limit=2) == ids[1:]
    assert await _all(queue, TaskFilter(TaskStatus.PENDING, task_type="noop"), limit=2) == ids[1:]


@pytest.mark.parametrize("wanted", [ANY_TASK, TaskFilter(TaskStatus.PENDING)])
async def test_a_task_that_moves_on_while_its_page_is_read_is_shown_as_it_is(queue, wanted, monkeypatch):
    """Between the index and the records: one is claimed, another deleted."""
    claimed, deleted, left = [one.id for one in await queue.submit(tasks(3))]
    state = await registered(queue)
    command = queue._command

    async def then_they_move(*words):
        reply = await command(*words)
        if words[0] == "ZRANGE":
            await queue.exchange(state, free=1)
            await queue.delete([deleted], by="test")
        return reply

    monkeypatch.setattr(queue, "_command", then_they_move)
    page = await queue.list_tasks(wanted)
    shown = {one.id: one.status for one in page.tasks}
    running = {} if wanted.status else {claimed: TaskStatus.RUNNING}
    assert shown == {**running, left: TaskStatus.PENDING}


async def test_a_task_that_ends_while_a_page_is_read_is_shown_once(queue, monkeypatch):
    ended, moving = await queue.submit(tasks(2))
    state = await registered(queue)
    claims = (await queue.exchange(state, free=2)).claims
    await queue.exchange(state, [ending(claims[0], "c")], free=0)
    read = queue._read_index

    async def then_it_ends(at, wanted, limit):
        found = await read(at, wanted, limit)
        if at.place == "running":
            await queue.exchange(state, [ending(claims[1], "c")], free=0)
        return found

    monkeypatch.setattr(queue, "_read_index", then_it_ends)
    page = await queue.list_tasks()
    assert sorted((one.id, one.status) for one in page.tasks) == sorted(
        (item.id, TaskStatus.COMPLETED) for item in (ended, moving)
    )


async def test_priority_is_a_range_of_what_is_pending(queue):
    """In every queue, and of what is parked for its type, too."""
    state = await registered(queue, "a", "b")
    wanted = [one.id for one in await queue.submit([*tasks(3, queue="a", priority=7)])]
    await queue.submit([*tasks(2, queue="a", priority=8), *tasks(2, queue="b", priority=6)])
    wanted += [one.id for one in await queue.submit(tasks(2, queue="b", priority=7))]
    assert await _all(queue, TaskFilter(TaskStatus.PENDING, priority=7)) == wanted
    assert await _all(queue, TaskFilter(TaskStatus.PENDING, "b", priority=7)) == wanted[3:]
    assert await _all(queue, TaskFilter(TaskStatus.PENDING, priority=1)) == []
    aliens = [one.id for one in await queue.submit(tasks(2, queue="a", priority=9, task_type="alien"))]
    await queue.submit(tasks(1, queue="a", priority=10, task_type="alien"))
    await queue.exchange(state, free=3)
    parked = await _all(queue, TaskFilter(TaskStatus.PENDING, priority=9))
    assert parked == aliens


async def test_priority_finds_what_a_limit_key_holds_back(queue):
    """Those stand by their key: the record tells the priority."""
    state = await registered(queue)
    await queue.limit_keys("default", Limit(concurrency=1), by="ops")
    await queue.submit([task(limit_key="k", priority=9)])
    low, high = await queue.submit([task(limit_key="k", priority=3), task(limit_key="k", priority=8)])
    assert len((await queue.exchange(state, free=3)).claims) == 1
    assert await _all(queue, TaskFilter(TaskStatus.PENDING, priority=8)) == [high.id]
    assert await _all(queue, TaskFilter(TaskStatus.PENDING, priority=3)) == [low.id]


async def test_a_worker_is_asked_for_what_it_holds(queue):
    mine, other = await registered(queue), await registered(queue)
    await queue.submit(tasks(5))
    held = sorted(claim.id for claim in (await queue.exchange(mine, free=3)).claims)
    await queue.exchange(other, free=3)
    assert await _all(queue, TaskFilter(TaskStatus.RUNNING, worker=mine.name)) == held
    assert await _all(queue, TaskFilter(TaskStatus.RUNNING, worker="nobody")) == []


async def test_an_error_is_asked_for_its_tasks(queue):
    """Alone, and with filters that are looked for inside the group."""
    state = await registered(queue, "a", "b")
    await queue.submit([*tasks(4, queue="a"), *tasks(3, queue="b"), *tasks(2, queue="a")])
    claims = (await queue.exchange(state, free=9)).claims
    groups = {claim.id: "one" if number % 3 else "one.more" for number, claim in enumerate(claims)}
    outcomes = [ending(claim, "x")._replace(group=groups[claim.id]) for claim in claims]
    await queue.exchange(state, outcomes, free=0)
    for group in ("one", "one.more"):
        ids = sorted((one for one in groups if groups[one] == group), reverse=True)
        assert await _all(queue, TaskFilter(TaskStatus.DEAD, fingerprint=group)) == ids
        in_a = {claim.id for claim in claims if claim.queue == "a"}
        found = await _all(queue, TaskFilter(TaskStatus.DEAD, "a", "noop", fingerprint=group), 1)
        assert found == [one for one in ids if one in in_a]
    assert await _all(queue, TaskFilter(TaskStatus.DEAD, fingerprint="on")) == []
    assert await _all(queue, TaskFilter(TaskStatus.DEAD, None, "other", fingerprint="one")) == []


async def test_a_key_is_asked_for_its_tasks(queue):
    """What was submitted with it, and what has it as its unique key now."""
    once, unique, window = await queue.submit(
        [task(idempotency_key="ä k"), task(unique_key="ä k"), task(unique_key="w", throttle_seconds=60)]
    )
    await queue.submit([task(queue="other", unique_key="ä k")])
    of_key = TaskFilter(None, "default", key="ä k")
    assert await _all(queue, of_key, 1) == [once.id, unique.id]
    assert await _all(queue, TaskFilter(None, "default", key="w")) == [window.id]
    assert await _all(queue, TaskFilter(None, "default", key="nobody's")) == []
    await queue.cancel(unique.id)
    assert await _all(queue, of_key) == [once.id]
    assert await _all(queue, TaskFilter(TaskStatus.CANCELLED, "default", key="ä k")) == []


async def test_a_schedule_is_asked_for_its_last_runs(queue):
    from datetime import UTC, datetime

    from shared.models import ScheduleSpec

    spec = ScheduleSpec(interval_seconds=3600, task=task(queue="later"))
    await queue.save_schedule("hourly", spec, by="ops", now=datetime.now(UTC))
    assert await _all(queue, TaskFilter(schedule="hourly")) == []
    runs = [await queue.run_schedule("hourly") for _ in range(3)]
    await queue.cancel(runs[1])
    assert await _all(queue, TaskFilter(schedule="hourly")) == runs[::-1]
    assert await _all(queue, TaskFilter(TaskStatus.PENDING, schedule="hourly")) == [runs[2], runs[0]]
    assert await _all(queue, TaskFilter(schedule="nightly")) == []
    assert {(await queue.get(run)).schedule for run in runs} == {"hourly"}


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        (TaskFilter(priority=5), "priority"),
        (TaskFilter(TaskStatus.DEAD, priority=5), "priority"),
        (TaskFilter(worker="w"), "worker"),
        (TaskFilter(TaskStatus.PENDING, fingerprint="e"), "fingerprint"),
        (TaskFilter(key="k"), "key"),
        (TaskFilter(queue="q", key="k", schedule="s"), "key"),
    ],
)
async def test_what_no_index_answers_is_refused(queue, wanted, field):
    with pytest.raises(InvalidInput) as refusal:
        await queue.list_tasks(wanted)
    assert refusal.value.field == field

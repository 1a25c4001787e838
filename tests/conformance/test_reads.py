"""Pages, filters, cursors, the overview, the registry of types."""

from __future__ import annotations

import base64
import json
from datetime import timedelta

import pytest

from shared.errors import InvalidInput
from shared.models import TaskStatus
from shared.queue.cursors import ANY_TASK, TaskFilter
from tests.support.factories import TYPE, description, ending, registered, task, tasks, worker

COUNT = 12


async def _in_status(engine, status: TaskStatus, count: int = COUNT, **fields) -> list[str]:
    """So many tasks in that status."""
    if status is TaskStatus.SCHEDULED:
        return [item.id for item in await engine.submit(tasks(count, delay_seconds=60, **fields))]
    ids = [item.id for item in await engine.submit(tasks(count, **fields))]
    if status is TaskStatus.PENDING:
        return ids
    if status is TaskStatus.CANCELLED:
        for task_id in ids:
            await engine.cancel(task_id)
        return ids
    state = await registered(engine, fields.get("queue", "default"), types=(fields.get("task_type", "noop"),))
    claims = (await engine.exchange(state, free=count)).claims
    kind = {TaskStatus.COMPLETED: "c", TaskStatus.DEAD: "x", TaskStatus.RETRYING: "f"}.get(status)
    if kind:
        await engine.exchange(state, [ending(claim, kind, delay_ms=60_000) for claim in claims], free=0)
    return ids


async def _all_pages(queue, wanted: TaskFilter, limit: int) -> list[str]:
    ids: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = await queue.list_tasks(wanted, limit=limit, cursor=cursor)
        assert len(page.tasks) <= limit
        ids += [one.id for one in page.tasks]
        cursor = page.next_cursor
        assert len(ids) < 5000, "the pages go round"
    return ids


ALL = [status for status in TaskStatus if status is not TaskStatus.WAITING]


@pytest.mark.parametrize("status", ALL)
@pytest.mark.parametrize("limit", [5, COUNT])
async def test_pages_of_a_status_are_complete_and_without_repeats(queue, status, limit):
    """Most of these have equal scores: they were submitted, ended or delayed in one call."""
    expected = await _in_status(queue, status)
    other = TaskStatus.PENDING if status is not TaskStatus.PENDING else TaskStatus.SCHEDULED
    await _in_status(queue, other, 3, queue="other")
    found = await _all_pages(queue, TaskFilter(status=status), limit)
    assert len(found) == len(expected)
    assert set(found) == set(expected)


@pytest.mark.parametrize("limit", [1, 1000])
async def test_pages_of_everything_are_complete_and_without_repeats(queue, limit):
    expected = set()
    for status in ALL:
        expected |= set(await _in_status(queue, status, 5, queue=f"q-{status}"))
    expected |= {item.id for item in await queue.submit(tasks(4, task_type="alien", queue="parking"))}
    state = await registered(queue, "parking")
    while (await queue.exchange(state, free=4)).has_more:
        pass
    found = await _all_pages(queue, ANY_TASK, limit)
    assert len(found) == len(expected)
    assert set(found) == expected


async def test_pending_come_in_the_order_of_service_and_ended_newest_first(queue):
    items = await queue.submit([task(priority=p) for p in (1, 10, 5, 10)])
    page = await queue.list_tasks(TaskFilter(TaskStatus.PENDING))
    assert [one.id for one in page.tasks] == [items[i].id for i in (1, 3, 2, 0)]
    state = await registered(queue)
    for _ in items:
        [claim] = (await queue.exchange(state, free=1)).claims
        await queue.exchange(state, [ending(claim)], free=0)
    page = await queue.list_tasks(TaskFilter(TaskStatus.COMPLETED))
    ended = [one.finished_at for one in page.tasks]
    assert ended == sorted(ended, reverse=True)


@pytest.mark.parametrize("status", [*ALL, None])
async def test_filters_by_queue_and_type(queue, status):
    for_me: list[str] = []
    for queue_name in ("a", "b"):
        for kind in ("noop", "other"):
            for one in ALL if status is None else [status]:
                ids = await _in_status(queue, one, 2, queue=queue_name, task_type=kind)
                if (queue_name, kind) == ("b", "other"):
                    for_me += ids
    found = await _all_pages(queue, TaskFilter(status, "b", "other"), 1)
    assert len(found) == len(for_me)
    assert set(found) == set(for_me)


async def test_a_filter_reads_at_most_1000_ids_a_call_and_still_finds_the_last(queue, store):
    await queue.submit(tasks(1000))
    await queue.submit(tasks(500))
    [wanted] = await queue.submit([task(task_type="rare")])
    page = await queue.list_tasks(TaskFilter(TaskStatus.PENDING, None, "rare"))
    assert page.tasks == []
    assert page.next_cursor
    page = await queue.list_tasks(TaskFilter(TaskStatus.PENDING, None, "rare"), cursor=page.next_cursor)
    assert [one.id for one in page.tasks] == [wanted.id]
    assert page.next_cursor is None


async def test_many_queues_take_several_pages(queue):
    items = await queue.submit([task(queue=f"q{n:02}") for n in range(30)])
    page = await queue.list_tasks(TaskFilter(TaskStatus.PENDING))
    assert 0 < len(page.tasks) < 30
    assert set(await _all_pages(queue, TaskFilter(TaskStatus.PENDING), 50)) == {item.id for item in items}


async def test_an_index_that_empties_between_two_pages_does_not_start_the_list_again(queue):
    for name in ("a", "b", "c"):
        await queue.submit(tasks(4, queue=name))
    first = await queue.list_tasks(TaskFilter(TaskStatus.PENDING), limit=6)
    assert [one.queue for one in first.tasks] == ["a"] * 4 + ["b"] * 2
    for one in first.tasks:
        await queue.cancel(one.id)
    for one in (await queue.list_tasks(TaskFilter(TaskStatus.PENDING, "b"))).tasks:
        await queue.cancel(one.id)
    await queue.submit(tasks(4, queue="a"))
    rest = await queue.list_tasks(TaskFilter(TaskStatus.PENDING), cursor=first.next_cursor)
    assert [one.queue for one in rest.tasks] == ["c"] * 4


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "e30",
        "{}",
        "[]",
        "WyJ0aW1lcnMiXQ",
        *(
            base64.urlsafe_b64encode(json.dumps(raw).encode()).decode().rstrip("=")
            for raw in (
                ["timers", "abc", 0],
                ["timers", "²", 0],
                ["timers", "1e+", 0],
                ["timers", ".", 0],
                ["timers", "", -1],
                ["timers", "", 10**30],
                ["timers", "", True],
                ["timers", "1", 0.5],
                ["t:x", "", 0],
                ["pending:", "", 0],
                ["pending", "", 0],
                ["parked:a:", "", 0],
                ["pending:\ud800", "", 0],
                ["pending:a b", "", 0],
                ["done:running", "", 0],
                ["running", "x y", 0],
                ["queues", "", 0],
                [1, 2, 3],
                {"a": 1},
                None,
                5,
            )
        ),
    ],
)
async def test_a_cursor_that_is_none_of_ours_is_refused(queue, cursor):
    with pytest.raises(InvalidInput, match="cursor: is none of ours"):
        await queue.list_tasks(cursor=cursor)


async def test_bodies_over_16_kib_are_left_out_of_pages_and_named(queue):
    [item] = await queue.submit([task({"t": "x" * 20_000})])
    [listed] = (await queue.list_tasks()).tasks
    assert (listed.payload, listed.omitted) == (None, ["payload"])
    read = await queue.get(item.id)
    assert (len(read.payload["t"]), read.omitted) == (20_000, [])


async def test_the_overview_counts_and_names_workers(queue):
    empty = await queue.overview()
    assert (set(empty.counts.values()), empty.queues, empty.oldest_pending_seconds) == ({0}, [], None)
    await queue.submit([*tasks(3, queue="a"), *tasks(2, queue="b", delay_seconds=60)])
    state = await registered(queue, "a")
    await queue.exchange(state, free=1)
    overview = await queue.overview()
    assert {one.name: (one.pending, one.running, one.scheduled) for one in overview.queues} == {
        "a": (2, 1, 0),
        "b": (0, 0, 2),
    }
    assert (overview.counts["pending"], overview.counts["running"], overview.counts["scheduled"]) == (2, 1, 2)
    assert 0 <= overview.oldest_pending_seconds < 5
    [one] = overview.workers
    assert (one.name, one.queues, one.types, one.slots) == (state.name, ["a"], ["noop"], 10)
    assert one.expires_at.timestamp() * 1000 == pytest.approx(state.lease_until)


async def test_the_oldest_pending_task_is_found_among_priorities(queue):
    [old] = await queue.submit([task(priority=1)])
    await queue.submit([task(priority=10), task(priority=10), task(priority=9, delay_seconds=60)])
    overview = await queue.overview()
    assert list(overview.queues[0].pending_by_priority.items()) == [(10, 2), (1, 1)]
    age = (overview.now - (await queue.get(old.id)).created_at).total_seconds()
    assert overview.oldest_pending_seconds == pytest.approx(age, abs=0.002)
    since = overview.queues[0].oldest_by_priority
    assert set(since) == {10, 1}
    assert since[1] == overview.now - timedelta(seconds=overview.oldest_pending_seconds)
    assert since[1] <= since[10] <= overview.now


async def test_published_types_outlive_their_workers(queue):
    state = await registered(queue, types=("noop", "other"))
    registry = await queue.task_types()
    assert (set(registry.types), registry.live_types) == ({"noop", "other"}, {"noop", "other"})
    assert registry.types["noop"].model_dump(by_alias=True)["schema"] == {"type": "object"}
    await queue.leave(state)
    registry = await queue.task_types()
    assert (set(registry.types), registry.live_types, registry.has_live_workers) == (
        {"noop", "other"},
        set(),
        False,
    )
    await queue.register(state, description(state), {"noop": TYPE.replace('"1"', '"2"')})
    assert (await queue.task_types()).types["noop"].version == "2"


async def test_ping(queue):
    await queue.ping()


async def test_the_status_waiting_is_reserved_and_empty(queue):
    await queue.submit([task()])
    assert (await queue.list_tasks(TaskFilter(TaskStatus.WAITING))).tasks == []


async def test_when_versions_of_workers_began_is_kept_beyond_their_lives(queue):
    async def start(version: str) -> None:
        state = worker()
        text = description(state).replace('"version": "1"', f'"version": "{version}"')
        await queue.register(state, text, {})
        await queue.leave(state)

    for version in ("1.8.1", "1.8.2", "1.8.2", *(f"2.{n}" for n in range(7))):
        await start(version)
    overview = await queue.overview()
    assert [one.version for one in overview.versions] == [*(f"2.{n}" for n in reversed(range(7))), "1.8.2"]
    assert abs((overview.versions[0].at - overview.now).total_seconds()) < 60
    assert overview.queues == overview.workers == []

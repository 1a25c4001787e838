"""Four shards: what is said of a queue or task goes to its shard, what is said of all is one answer."""

from __future__ import annotations

import re
from datetime import timedelta
from itertools import count

import pytest

from shared.doctor.fleet import check_fleet
from shared.doctor.report import Verdict
from shared.errors import IdempotencyConflict, InvalidInput, NotFound, ShardsDiffer, UniqueConflict
from shared.events import is_behind
from shared.ids import shard_of_id
from shared.jobs import DueJob, JobFilter, JobKind, JobPace, JobState, read_due_jobs
from shared.keys import shard_of_queue
from shared.models import Limit, ScheduleSpec, TaskStatus, instant
from shared.queue.cursors import ANY_TASK, TaskFilter
from shared.queue.scheduling import read_due
from tests.support.factories import TYPE, description, ending, task, tasks

SHARDS = 4
#: one queue in each shard, and a second one in the first
QUEUES = ("q0", "q4", "q1", "q5")
TWIN = "q2"
ALL = [status for status in TaskStatus if status is not TaskStatus.WAITING]

_numbers = count(1)


@pytest.fixture
def queue(queues):
    return queues(shards=SHARDS)


async def workers(queue, *names: str, types: tuple[str, ...] = ("noop",), lease_ms: int = 30_000):
    """A worker of those queues, registered: its states by shard."""
    states = queue.worker_states(f"worker-{next(_numbers)}", names or QUEUES, types, lease_ms)
    for state in states:
        await queue.register(state, description(state), dict.fromkeys(types, TYPE))
    return {state.shard: state for state in states}


async def pages(queue, wanted: TaskFilter, limit: int) -> list:
    found, cursor = [], ""
    while cursor is not None:
        page = await queue.list_tasks(wanted, limit=limit, cursor=cursor)
        assert len(page.tasks) <= limit
        found += page.tasks
        cursor = page.next_cursor
        assert len(found) < 1000, "the pages go round"
    return found


async def in_status(queue, status: TaskStatus, each: int) -> list[str]:
    """So many tasks of each queue in that status; one after the other, so that their times differ."""
    ids, states = [], await workers(queue)
    kind = {TaskStatus.COMPLETED: "c", TaskStatus.DEAD: "x", TaskStatus.RETRYING: "f"}.get(status)
    for n in range(each):
        for name in QUEUES:
            delay = 60 + n if status is TaskStatus.SCHEDULED else None
            [item] = await queue.submit([task({"n": n}, queue=name, delay_seconds=delay)])
            ids.append(item.id)
            if status is TaskStatus.CANCELLED:
                await queue.cancel(item.id)
            if kind or status is TaskStatus.RUNNING:
                state = states[shard_of_id(item.id)]
                [claim] = (await queue.exchange(state, free=1, holding=n)).claims
                if kind:
                    await queue.exchange(state, [ending(claim, kind, delay_ms=60_000)], free=0)
    return ids


def test_the_queues_of_these_tests_are_one_in_each_shard():
    assert [shard_of_queue(name, SHARDS) for name in (*QUEUES, TWIN)] == [0, 1, 2, 3, 0]


def test_where_a_queue_lives_never_changes():
    """Stored tasks are found by this."""
    names = ("default", "emails", "images", "a", "b")
    assert [shard_of_queue(name, 32) for name in names] == [31, 18, 10, 3, 25]
    assert [shard_of_queue(name, 1) for name in names] == [0] * 5


async def test_a_task_goes_to_the_shard_of_its_queue_which_its_id_names(queue, store):
    for shard, name in enumerate(QUEUES):
        [item] = await queue.submit([task(queue=name)])
        assert shard_of_id(item.id) == shard
        assert store.zrange(f"{{test:{shard}}}:pending:{name}", 0, -1) == [item.id]
        assert (await queue.get(item.id)).queue == name


async def test_a_batch_over_several_shards_is_refused_by_the_names_of_its_queues(queue, store):
    with pytest.raises(
        InvalidInput, match=re.escape("several shards: q0 (shard 0), q2 (shard 0), q4 (shard 1).")
    ):
        await queue.submit([task(queue="q4"), task(queue=TWIN), task(queue="q0")])
    assert store.dbsize() == 0
    items = await queue.submit([task(queue="q0"), task(queue=TWIN)])
    assert len(items) == 2


async def test_keys_of_a_queue_are_exact(queue):
    for name in QUEUES:
        [first] = await queue.submit([task({"a": 1}, queue=name, idempotency_key="k", unique_key="u")])
        assert (await queue.submit([task({"a": 1}, queue=name, idempotency_key="k", unique_key="u")]))[
            0
        ] == first
        with pytest.raises(IdempotencyConflict):
            await queue.submit([task({"a": 2}, queue=name, idempotency_key="k")])
        with pytest.raises(UniqueConflict):
            await queue.submit([task({"a": 2}, queue=name, unique_key="u")])
    assert (await queue.overview()).counts["pending"] == SHARDS


async def test_an_id_of_a_shard_that_is_not_there_is_not_found(queue):
    stranger = "z" + "0" * 26
    for operation in (
        queue.get(stranger),
        queue.cancel(stranger),
        queue.edit(stranger, by="me", run_now=True),
        queue.requeue_one(stranger, by="me"),
        queue.delete_one(stranger, by="me"),
    ):
        with pytest.raises(NotFound, match="not kept"):
            await operation


async def test_bulk_operations_answer_in_order_over_all_shards(queue):
    dead = await in_status(queue, TaskStatus.DEAD, 3)
    [pending] = await queue.submit([task(queue="q1")])
    result = await queue.requeue([dead[0], "z" + "0" * 26, pending.id, *dead[1:]], by="me")
    assert result.done == dead
    assert (result.skipped, result.missing) == ([(pending.id, TaskStatus.PENDING)], ["z" + "0" * 26])
    assert (await queue.overview()).counts["pending"] == 13
    result = await queue.delete([*dead, pending.id], by="me")
    assert result.done == [*dead, pending.id]
    assert (await queue.overview()).counts["pending"] == 0


@pytest.mark.parametrize("status", ALL)
@pytest.mark.parametrize("limit", [1, 3, 50])
async def test_pages_are_complete_without_repeats_and_in_one_order(queue, status, limit):
    expected = await in_status(queue, status, 3)
    found = await pages(queue, TaskFilter(status), limit)
    assert sorted(one.id for one in found) == sorted(expected)
    if status in (TaskStatus.SCHEDULED, TaskStatus.RETRYING):
        assert [one.run_at for one in found] == sorted(one.run_at for one in found)
    if status in (TaskStatus.COMPLETED, TaskStatus.DEAD, TaskStatus.CANCELLED):
        ended = [one.finished_at for one in found]
        assert ended == sorted(ended, reverse=True)


@pytest.mark.parametrize("limit", [1, 4, 50])
async def test_pages_by_error_and_by_key_are_complete(queue, limit):
    dead: list[str] = []
    states = await workers(queue)
    for name in QUEUES:
        await queue.submit(tasks(3, queue=name))
    for state in states.values():
        claims = (await queue.exchange(state, free=100)).claims
        await queue.exchange(state, [ending(claim, "x")._replace(group="one") for claim in claims], free=0)
        dead += [claim.id for claim in claims]
    found = [one.id for one in await pages(queue, TaskFilter(TaskStatus.DEAD, fingerprint="one"), limit)]
    assert sorted(found) == sorted(dead)
    [mine] = await queue.submit([task(queue="q2", unique_key="k")])
    assert [one.id for one in await pages(queue, TaskFilter(None, "q2", key="k"), limit)] == [mine.id]


@pytest.mark.parametrize("limit", [1, 7, 1000])
async def test_pages_of_everything_are_complete_and_without_repeats(queue, limit):
    expected = set()
    for status in ALL:
        expected |= set(await in_status(queue, status, 2))
        await _put_away(queue, status)
    found = [one.id for one in await pages(queue, ANY_TASK, limit)]
    assert len(found) == len(expected)
    assert set(found) == expected


async def _put_away(queue, status: TaskStatus) -> None:
    """Pending tasks would be claimed by the next status' worker: they are delayed."""
    if status is TaskStatus.PENDING:
        for one in (await queue.list_tasks(TaskFilter(status), limit=1000)).tasks:
            await queue.edit(one.id, by="me", run_at_ms=one.created_at.timestamp() * 1000 + 3_600_000)


async def test_many_of_equal_scores_and_a_filter_take_several_pages_and_lose_none(queue):
    for name in QUEUES:
        await queue.submit(
            [
                *tasks(300, queue=name, delay_seconds=60),
                *tasks(3, queue=name, delay_seconds=60, task_type="rare"),
            ]
        )
    found = await pages(queue, TaskFilter(TaskStatus.SCHEDULED, None, "rare"), 5)
    assert len({one.id for one in found}) == len(found) == 12
    found = [one.id for one in await pages(queue, TaskFilter(TaskStatus.SCHEDULED, "q1"), 100)]
    assert len(set(found)) == len(found) == 303


async def test_a_cursor_of_another_number_of_shards_is_refused(queue, queues):
    await in_status(queue, TaskStatus.COMPLETED, 2)
    cursor = (await queue.list_tasks(TaskFilter(TaskStatus.COMPLETED), limit=3)).next_cursor
    with pytest.raises(InvalidInput, match="cursor: is none of ours"):
        await queues(shards=3).list_tasks(TaskFilter(TaskStatus.COMPLETED), cursor=cursor)


async def test_the_overview_is_one_over_all_shards(queue):
    states = await workers(queue)
    for n, name in enumerate(QUEUES):
        await queue.submit(tasks(n + 1, queue=name))
    overview = await queue.overview()
    assert [(one.name, one.pending) for one in overview.queues] == [
        ("q0", 1),
        ("q1", 3),
        ("q4", 2),
        ("q5", 4),
    ]
    assert overview.counts["pending"] == 10
    assert [one.name for one in overview.workers] == [states[0].name]
    assert 0 <= overview.oldest_pending_seconds < 5


async def test_the_types_of_all_shards_are_known(queue):
    await workers(queue, "q4", types=("one",))
    await workers(queue, "q5", types=("two",))
    registry = await queue.task_types()
    assert (set(registry.types), registry.live_types) == ({"one", "two"}, {"one", "two"})


async def test_error_groups_are_added_up_and_walked_through(queue):
    states, ids = await workers(queue), []
    for name in QUEUES:
        for _ in range(2):
            [item] = await queue.submit([task(queue=name)])
            state = states[shard_of_id(item.id)]
            [claim] = (await queue.exchange(state, free=1)).claims
            await queue.exchange(state, [ending(claim, "x")._replace(group="abc.1")], free=0)
            ids.append(item.id)
    [group] = await queue.error_groups()
    assert (group.fingerprint, group.count, group.task.id) == ("abc.1", 8, ids[-1])
    walked: list[str] = []
    while part := await queue.group_ids("abc.1", after=walked[-1] if walked else "", limit=3):
        walked += part
    assert walked == sorted(ids)
    assert await queue.group_ids("abc.1", after="z" + "0" * 26) == []


async def test_pausing_and_draining(queue):
    states = await workers(queue)
    await queue.submit([task(queue="q4")])
    await queue.pause("q4", by="ops")
    assert (await queue.exchange(states[1], free=1)).claims == []
    await queue.resume("q4", by="ops")
    assert len((await queue.exchange(states[1], free=1)).claims) == 1
    assert await queue.drain(states[2].name, by="ops") == 1
    replies = [
        await queue.exchange(state, free=1, holding=int(state.shard == 1)) for state in states.values()
    ]
    assert [reply.is_draining for reply in replies] == [True] * SHARDS
    with pytest.raises(NotFound):
        await queue.drain("nobody", by="ops")


async def test_a_worker_of_one_shard_is_drained_although_the_others_do_not_know_it(queue):
    states = await workers(queue, "q1")
    assert await queue.drain(states[2].name, by="ops") == 0
    assert (await queue.exchange(states[2], free=1)).is_draining


async def test_tick_does_what_is_due_in_all_shards(queue, store):
    ids = [(await queue.submit([task(queue=name, delay_seconds=60)]))[0].id for name in QUEUES]
    for shard, (name, task_id) in enumerate(zip(QUEUES, ids, strict=True)):
        text = store.get(f"{{test:{shard}}}:t:{task_id}")
        due = text.split(" ", 3)[2].split("\n")[0]
        store.set(f"{{test:{shard}}}:t:{task_id}", text.replace(f" {due}\n", " 1\n", 1))
        store.zadd(f"{{test:{shard}}}:timers", {f"t:{task_id}:{name}": 1})
    assert await queue.tick() is False
    assert (await queue.overview()).counts["pending"] == SHARDS


async def test_a_worker_has_a_lease_for_each_shard(queue, store):
    for name in QUEUES:
        await queue.submit([task(queue=name)])
    states = await workers(queue)
    claims = [(await queue.exchange(state, free=1)).claims[0] for state in states.values()]
    assert [shard_of_id(claim.id) for claim in claims] == [0, 1, 2, 3]
    store.zadd("{test:1}:timers", {f"w:{states[1].name}": 1})
    await queue.tick()
    counts = (await queue.overview()).counts
    assert (counts["running"], counts["pending"]) == (3, 1)
    assert await queue.renew(states[2], is_idle=False)
    assert await queue.renew(states[1], is_idle=False) is None
    assert [await queue.leave(states[shard]) for shard in (0, 2, 3)] == [1, 1, 1]


async def test_a_worker_may_not_register_a_queue_of_another_shard(queue):
    [state] = queue.worker_states("worker", ["q4"], ["noop"], 30_000)
    state.queues = ["q4", "q1"]
    with pytest.raises(InvalidInput, match=re.escape("queues: live in other shards than 1: q1.")):
        await queue.register(state, description(state), {})


async def test_a_schedule_lives_in_the_shard_of_its_queue_and_moves_with_it(queue, store):
    now = (await queue.overview()).now
    spec = {name: ScheduleSpec(interval_seconds=3600, task=task(queue=name)) for name in QUEUES}
    assert await queue.save_schedule("hourly", spec["q4"], by="ops", now=now - timedelta(hours=1))
    assert store.hexists("{test:1}:schedules", "hourly")
    assert not await queue.save_schedule("hourly", spec["q1"], by="ops", now=now - timedelta(hours=1))
    assert (store.exists("{test:1}:schedules"), store.hexists("{test:2}:schedules", "hourly")) == (0, True)
    assert await queue.save_schedule("other", spec["q0"], by="ops", now=now)
    assert [one.id for one in await queue.schedules()] == ["hourly", "other"]
    _, flat = await queue.tick_and_tell()
    [due] = read_due(flat)
    assert [await queue.fire(due, instant(due.due_ms)) for _ in range(2)] == ["fired", "stale"]
    [fired] = (await queue.list_tasks()).tasks
    assert (fired.queue, shard_of_id(fired.id)) == ("q1", 2)
    assert shard_of_id(await queue.run_schedule("other", by="ops")) == 0
    await queue.pause_schedule("other", by="ops")
    assert [one.paused is None for one in await queue.schedules()] == [True, False]
    await queue.delete_schedule("other", by="ops")
    with pytest.raises(NotFound):
        await queue.pause_schedule("other", by="ops")


async def test_the_number_of_shards_is_settled_by_the_first_worker(queue, queues):
    await queue.settle_shards()
    await queue.settle_shards()
    await queue.task_types()
    for wrong in (queues(shards=1), queues(shards=8)):
        with pytest.raises(ShardsDiffer, match="was begun with 4, by which its queues are divided"):
            await wrong.settle_shards()
        with pytest.raises(ShardsDiffer, match=re.escape(f"DTQ_SHARDS: is {len(wrong.shards)}")):
            await wrong.task_types()


async def test_the_settled_number_is_no_task_type(queues):
    queue = queues()
    await queue.settle_shards()
    assert (await queue.task_types()).types == {}


async def test_more_than_16_queues_are_looked_at_in_parts(queues):
    queue = queues()
    names = [f"q{n}" for n in range(20)]
    [state] = queue.worker_states("worker", names, ["noop"], 30_000)
    await queue.register(state, description(state), {})
    await queue.submit([task(queue="q19")])
    with pytest.raises(InvalidInput, match="queues: are 20, over the 16 of one exchange"):
        await queue.exchange(state, free=1)
    assert (await queue.exchange(state, free=1, queues=names[:16])).claims == []
    assert len((await queue.exchange(state, free=1, queues=names[16:])).claims) == 1


async def test_a_bulk_operation_goes_through_all_shards(queue, store):
    """Each shard has its part; together they are one operation."""
    dead = await in_status(queue, TaskStatus.DEAD, 3)
    job_id = await queue.begin_job(JobKind.REQUEUE, JobFilter(), by="ops", pace=JobPace(per_second=200))
    assert {shard_of_id(part) for part in queue.parts_of(job_id)} == set(range(SHARDS))
    job = await queue.get_job(job_id)
    assert (job.state, job.done, job.total, job.per_second) == (JobState.RUNNING, 0, 12, 200)
    for _ in range(SHARDS):
        _, flat = await queue.tick_and_tell()
        for due in read_due_jobs(flat):
            await queue.work_off(due, may_go_on=lambda: True)
    job = await queue.get_job(job_id)
    assert (job.state, job.done) == (JobState.DONE, 12)
    assert [one.id for one in await queue.list_jobs()] == [job.id]
    waiting = {one.id for one in await pages(queue, TaskFilter(TaskStatus.PENDING), 100)}
    assert waiting == set(dead)


async def test_a_bulk_operation_on_one_queue_stays_in_its_shard(queue):
    await in_status(queue, TaskStatus.DEAD, 2)
    wanted = JobFilter(queue=QUEUES[2])
    job_id = await queue.begin_job(JobKind.REQUEUE, wanted, by="ops", pace=JobPace(first=1))
    assert shard_of_id(job_id) == 2
    await queue.work_off(DueJob(job_id, 1), may_go_on=lambda: True)
    assert len((await queue.get_job(job_id)).waiting_for) == 1
    assert await queue.cancel_job(job_id, by="ops") is JobState.CANCELLED
    with pytest.raises(InvalidInput, match="first"):
        await queue.begin_job(JobKind.REQUEUE, JobFilter(), by="ops", pace=JobPace(first=1))
    with pytest.raises(NotFound):
        await queue.begin_job(JobKind.REQUEUE, JobFilter(fingerprint="none"), by="ops")


async def test_cancelling_a_bulk_operation_ends_all_its_parts(queue):
    await in_status(queue, TaskStatus.DEAD, 1)
    job_id = await queue.begin_job(JobKind.DELETE, JobFilter(), by="ops")
    await queue.work_off(DueJob(queue.parts_of(job_id)[1], 1), may_go_on=lambda: True)
    assert await queue.cancel_job(job_id, by="ops") is JobState.CANCELLED
    job = await queue.get_job(job_id)
    assert (job.state, job.done, job.reason) == (JobState.CANCELLED, 1, "cancelled by ops")
    assert [read_due_jobs((await queue.tick_and_tell())[1])] == [[]]


async def test_an_audit_goes_through_all_shards(queue, store):
    ids = await in_status(queue, TaskStatus.PENDING, 3)
    for shard, name in enumerate(QUEUES):
        store.delete(f"{{test:{shard}}}:pending:{name}")
    report = await queue.audit(may_go_on=lambda: True)
    assert (report.answer, report.repaired) == ("done", {"tasks": len(ids)})
    assert (await queue.audit(may_go_on=lambda: True)).answer == "fresh"
    assert (await queue.audit_totals()).repaired == {"tasks": len(ids)}
    for shard in range(SHARDS):
        store.hset(f"{{test:{shard}}}:repairs", "finished", "1")
    reports = [await queue.audit(may_go_on=lambda: False)]
    while reports[-1].answer == "more":
        reports.append(await queue.audit(may_go_on=lambda: False))
    assert reports[-1].answer == "done"
    assert sum(sum(report.repaired.values()) for report in reports) == 0


async def test_a_limit_holds_in_the_shard_of_its_queue(queue):
    states = await workers(queue)
    await queue.limit_queue("q1", Limit(concurrency=1), by="ops")
    for name in QUEUES:
        await queue.submit(tasks(3, queue=name))
    held = {shard: len((await queue.exchange(state, free=3)).claims) for shard, state in states.items()}
    assert held == {0: 3, 1: 3, 2: 1, 3: 3}


async def test_a_doctor_with_another_number_of_shards_says_so(queue, queues):
    await queue.settle_shards()
    [finding] = await check_fleet(queues(shards=2), is_billed=False)
    assert finding.verdict is Verdict.FAIL
    assert "Set DTQ_SHARDS=4" in finding.found


async def test_events_of_all_shards_by_one_cursor(queue):
    before = await queue.newest_event()
    assert before == "0-0.0-0.0-0.0-0"
    submitted = [(await queue.submit([task(queue=name)]))[0].id for name in (*QUEUES, TWIN)]
    found, cursor = [], before
    while True:
        page = await queue.events_after(cursor, limit=SHARDS)
        assert not page.is_gap
        found += page.events
        assert all(is_behind(page.cursor, event) for event in page.events)
        cursor = page.cursor
        if not page.has_more:
            break
    assert sorted(one for event in found for one, _ in event.tasks) == sorted(submitted)
    assert {event.shard for event in found} == set(range(SHARDS))
    assert cursor == await queue.newest_event()
    assert (await queue.events_after(cursor)).events == []
    with pytest.raises(InvalidInput, match="cursor"):
        await queue.events_after("0-0")


async def test_a_gap_in_one_shard_is_a_gap(queue, store):
    for name in QUEUES:
        await queue.submit([task(queue=name)])
    cursor = await queue.newest_event()
    for name in QUEUES:
        await queue.submit([task(queue=name)])
    store.xtrim(queue.shards[2].events, maxlen=1, approximate=False)
    page = await queue.events_after(cursor)
    assert page.is_gap
    assert page.cursor == await queue.newest_event()


async def test_a_task_is_explained_from_its_shard(queue):
    for name in QUEUES:
        [item] = await queue.submit([task(queue=name)])
        told = await queue.explain(item.id)
        assert (told.id, told.queue, told.code) == (item.id, name, "no_worker")
        assert await queue.status(item.id) is TaskStatus.PENDING

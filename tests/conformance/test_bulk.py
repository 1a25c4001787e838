"""Bulk operations: slices in any order of crashes and repeats do each task once, and no other one."""

from __future__ import annotations

import random

import pytest

from shared.errors import Conflict, InvalidInput, NotFound, StoreFull
from shared.jobs import DueJob, JobFilter, JobKind, JobPace, JobState, read_due_jobs
from shared.models import Limit, TaskStatus
from shared.queue.bulk import WAITING_STATUSES
from shared.queue.cursors import TaskFilter
from tests.conformance.test_operators import die
from tests.conftest import QueueFactory
from tests.support.factories import ending, registered, task, tasks
from tests.support.waiting import wait_until

DEAD, PENDING, SCHEDULED = TaskStatus.DEAD, TaskStatus.PENDING, TaskStatus.SCHEDULED
ALL = JobFilter()


@pytest.fixture(params=["tcp", "rest"])
def queues(request: pytest.FixtureRequest) -> QueueFactory:
    """One shard: what concerns all queues is one part here. Several, on a cluster too, are in test_shards."""
    factory: QueueFactory = request.getfixturevalue(f"{request.param}_queues")
    return factory


async def handed_out(queue) -> list[DueJob]:
    """What a tick hands out."""
    _, flat = await queue.tick_and_tell()
    return read_due_jobs(flat)


async def run(queue, job_id: str, number: int = 1):
    """Do slices until it waits or ends."""
    return await queue.work_off(DueJob(job_id, number), may_go_on=lambda: True)


async def ids_of(queue, status: TaskStatus, **wanted) -> set[str]:
    return {item.id for item in (await queue.list_tasks(TaskFilter(status, **wanted), limit=1000)).tasks}


async def it_is_later(queue, job_id: str) -> None:
    """What comes now comes after the millisecond in which the operation began."""
    began = (await queue.get_job(job_id)).created_at

    async def is_later() -> bool:
        return (await queue.overview()).now > began

    await wait_until(is_later, describe="the next millisecond")


def pass_time(store, job_id: str) -> None:
    """What the operation waits for has come."""
    store.hset(f"{{test:0}}:job:{job_id}", "next", "1")
    store.zadd("{test:0}:timers", {f"j:{job_id}": 1}, xx=True)


async def test_everything_dead_is_requeued_in_slices_of_100_and_in_order(queue):
    dead = [task_id for _ in range(3) for task_id in await die(queue, 90)]
    job_id = await queue.begin_job(JobKind.REQUEUE, ALL, by="ops laptop")
    assert await handed_out(queue) == [DueJob(job_id, 1)]
    assert await handed_out(queue) == []
    progress = []
    number = 1
    while True:
        reply = await queue.run_job_slice(job_id, number, "me")
        progress.append((await queue.get_job(job_id)).done)
        if not reply.goes_on:
            break
        number = reply.number + 1
    assert progress == [100, 200, 270]
    job = await queue.get_job(job_id)
    assert (job.state, job.total, job.skipped, job.missing, job.by) == (
        JobState.DONE,
        270,
        0,
        0,
        "ops-laptop",
    )
    assert job.ended_at >= job.created_at
    state = await registered(queue)
    claims = [claim.id for _ in range(3) for claim in (await queue.exchange(state, free=100)).claims]
    assert claims == dead


async def test_a_slice_that_is_sent_again_changes_nothing(queue, store):
    await die(queue, 50)
    await die(queue, 80)
    job_id = await queue.begin_job(JobKind.DELETE, ALL, by="ops")
    first = await queue.run_job_slice(job_id, 1, "me")
    before = {key: store.dump(key) for key in store.scan_iter()}
    assert await queue.run_job_slice(job_id, 1, "me") == first
    assert (await queue.run_job_slice(job_id, 1, "other")).state == "stale"
    assert (await queue.run_job_slice(job_id, 7, "me")).state == "stale"
    assert {key: store.dump(key) for key in store.scan_iter()} == before
    assert (await queue.run_job_slice(job_id, 2, "other")).state == "done"
    assert (await queue.run_job_slice(job_id, 2, "other")).state == "done"
    assert (await queue.get_job(job_id)).done == 130
    assert (await queue.run_job_slice("0" * 27, 1, "me")).state == "gone"


async def test_one_whose_runner_died_is_handed_out_again(queue, store):
    await die(queue, 99)
    await die(queue, 99)
    job_id = await queue.begin_job(JobKind.REQUEUE, ALL, by="ops")
    [due] = await handed_out(queue)
    await queue.run_job_slice(due.id, due.number, "dies now")
    assert await handed_out(queue) == []
    ahead = store.zscore("{test:0}:timers", f"j:{job_id}") - (await queue.overview()).now.timestamp() * 1000
    assert 8_000 < ahead <= 10_000
    store.zadd("{test:0}:timers", {f"j:{job_id}": 1})
    assert await handed_out(queue) == [DueJob(job_id, 2)]
    assert (await run(queue, job_id, 2)).state == "done"
    assert len(await ids_of(queue, PENDING)) == 198


async def test_an_exchange_hands_out_and_wakes(queue, store):
    await die(queue)
    state = await registered(queue)
    cursor = (await queue.exchange(state, free=1, want_cursor=True)).cursor
    job_id = await queue.begin_job(JobKind.REQUEUE, ALL, by="ops")
    assert store.xrange("{test:0}:wakes", f"({cursor}")[0][1].keys() == {"t"}
    reply = await queue.exchange(state, free=1)
    assert read_due_jobs(reply.due) == [DueJob(job_id, 1)]
    await queue.cancel_job(job_id, by="ops")


@pytest.mark.parametrize(
    ("wanted", "meant"),
    [
        (JobFilter(queue="a"), {"a1", "a2"}),
        (JobFilter(task_type="noop"), {"a1", "b1"}),
        (JobFilter(queue="a", task_type="rare"), {"a2"}),
        (JobFilter(fingerprint="one"), {"a1", "a2"}),
        (JobFilter(fingerprint="one", task_type="rare"), {"a2"}),
        (JobFilter(fingerprint="two", queue="b"), {"b1"}),
    ],
)
@pytest.mark.parametrize("kind", [JobKind.REQUEUE, JobKind.DELETE])
async def test_only_those_that_are_meant(queue, kind, wanted, meant):
    ids = {}
    for name, place, task_type, group in (
        ("a1", "a", "noop", "one"),
        ("a2", "a", "rare", "one"),
        ("b1", "b", "noop", "two"),
    ):
        [item] = await queue.submit([task(queue=place, task_type=task_type)])
        state = await registered(queue, place, types=(task_type,))
        [claim] = (await queue.exchange(state, free=1)).claims
        await queue.exchange(state, [ending(claim, "x")._replace(group=group)], free=0)
        ids[name] = item.id
    job_id = await queue.begin_job(kind, wanted, by="ops")
    assert (await run(queue, job_id)).state == "done"
    left = {name for name, task_id in ids.items() if task_id in await ids_of(queue, DEAD)}
    assert left == ids.keys() - meant
    assert (await queue.get_job(job_id)).done == len(meant)


async def test_what_dies_again_is_left_alone(queue, store):
    """Otherwise a broken handler and a requeue of all would go round for ever."""
    await die(queue, 60)
    await die(queue, 60)
    job_id = await queue.begin_job(JobKind.REQUEUE, ALL, by="ops")
    await it_is_later(queue, job_id)
    state = await registered(queue)
    number, done = 1, False
    while not done:
        reply = await queue.run_job_slice(job_id, number, "me")
        number, done = reply.number + 1, not reply.goes_on
        claims = (await queue.exchange(state, free=100, maintain=False)).claims
        await queue.exchange(state, [ending(claim, "x")._replace(group="abc") for claim in claims], free=0)
    assert (await queue.get_job(job_id)).done == 120
    assert len(await ids_of(queue, DEAD)) == 120


async def test_another_payload_for_all(queue):
    [small] = await die(queue)
    items = await queue.submit([task({"t": "x" * 20_000})])
    state = await registered(queue)
    [claim] = (await queue.exchange(state, free=1)).claims
    await queue.exchange(state, [ending(claim, "x")], free=0)
    job_id = await queue.begin_job(JobKind.REQUEUE, ALL, by="ops", payload={"n": 2**70})
    await run(queue, job_id)
    for task_id in (small, items[0].id):
        assert (await queue.get(task_id)).payload == {"n": 2**70}
    claims = (await queue.exchange(state, free=2)).claims
    await queue.exchange(state, [ending(claim, "x") for claim in claims], free=0)
    job_id = await queue.begin_job(JobKind.REQUEUE, ALL, by="ops", payload={"t": "y" * 20_000})
    await run(queue, job_id)
    assert len((await queue.get(small)).payload["t"]) == 20_000


async def test_a_large_payload_makes_slices_small(queue):
    await die(queue, 12)
    job_id = await queue.begin_job(JobKind.REQUEUE, ALL, by="ops", payload={"t": "y" * 200_000})
    await queue.run_job_slice(job_id, 1, "me")
    assert (await queue.get_job(job_id)).done == 5
    assert (await run(queue, job_id, 2)).state == "done"
    assert len(await ids_of(queue, PENDING)) == 12


async def test_so_many_a_second(queue, store):
    await die(queue, 50)
    job_id = await queue.begin_job(JobKind.REQUEUE, ALL, by="ops", pace=JobPace(per_second=20))
    for number, done in ((1, 20), (2, 40), (3, 50)):
        [due] = await handed_out(queue)
        assert due == DueJob(job_id, number)
        reply = await run(queue, job_id, number)
        job = await queue.get_job(job_id)
        assert (job.done, job.per_second) == (done, 20)
        if number < 3:
            wait = reply.next_ms - job.updated_at.timestamp() * 1000
            assert wait == pytest.approx(1000, abs=1)
            assert store.zscore("{test:0}:timers", f"j:{job_id}") == reply.next_ms
            # Too early, by whoever: nothing happens.
            assert await queue.run_job_slice(job_id, number + 1, "other") == (
                "running",
                number,
                reply.next_ms,
            )
            pass_time(store, job_id)
    assert job.state is JobState.DONE


async def test_less_than_one_a_second(queue):
    await die(queue, 3)
    job_id = await queue.begin_job(JobKind.REQUEUE, ALL, by="ops", pace=JobPace(per_second=0.1))
    reply = await run(queue, job_id)
    job = await queue.get_job(job_id)
    assert (job.done, job.per_second) == (1, 0.1)
    assert reply.next_ms - job.updated_at.timestamp() * 1000 == pytest.approx(10_000, abs=1)
    await queue.cancel_job(job_id, by="ops")


async def _first_of(queue, store, count: int = 1):
    """An operation whose first ones have been requeued, and their claims."""
    await die(queue, 30)
    job_id = await queue.begin_job(JobKind.REQUEUE, ALL, by="ops", pace=JobPace(first=count))
    await run(queue, job_id)
    job = await queue.get_job(job_id)
    assert (job.done, len(job.waiting_for)) == (count, count)
    state = await registered(queue)
    claims = (await queue.exchange(state, free=100, maintain=False)).claims
    assert sorted(claim.id for claim in claims) == sorted(job.waiting_for)
    pass_time(store, job_id)
    waits = await run(queue, job_id, 2)
    assert (waits.state, (await queue.get_job(job_id)).done) == ("running", count)
    assert waits.next_ms > 0
    return job_id, state, claims


async def test_the_rest_follows_when_the_first_has_completed(queue, store):
    job_id, state, claims = await _first_of(queue, store, 3)
    await queue.exchange(state, [ending(claim) for claim in claims[:2]], free=0)
    pass_time(store, job_id)
    await run(queue, job_id, 3)
    assert (await queue.get_job(job_id)).waiting_for == [claims[2].id]
    await queue.exchange(state, [ending(claims[2])], free=0)
    pass_time(store, job_id)
    assert (await run(queue, job_id, 4)).state == "done"
    job = await queue.get_job(job_id)
    assert (job.done, job.state, job.waiting_for) == (30, JobState.DONE, [])
    assert len(await ids_of(queue, PENDING)) == 27


@pytest.mark.parametrize(
    ("kind", "reason"), [("x", "died again"), ("k", "was cancelled"), (None, "not kept any more")]
)
async def test_the_rest_stays_when_the_first_does_not_complete(queue, store, kind, reason):
    job_id, state, [claim] = await _first_of(queue, store)
    await queue.exchange(state, [ending(claim, kind or "x")], free=0)
    if kind is None:
        await queue.delete([claim.id], by="ops")
    pass_time(store, job_id)
    assert (await run(queue, job_id, 3)).state == "stopped"
    job = await queue.get_job(job_id)
    assert job.state is JobState.STOPPED
    assert reason in job.reason
    assert claim.id in job.reason
    assert len(await ids_of(queue, DEAD) - {claim.id}) == 29


async def test_the_looks_at_the_first_become_rarer(queue, store):
    job_id, _, _ = await _first_of(queue, store)
    waits = []
    for number in range(3, 12):
        pass_time(store, job_id)
        reply = await run(queue, job_id, number)
        job = await queue.get_job(job_id)
        waits.append(round((reply.next_ms - job.updated_at.timestamp() * 1000) / 1000))
    assert waits == [2, 4, 8, 16, 32, 60, 60, 60, 60]
    await queue.cancel_job(job_id, by="ops")


async def test_a_dead_task_whose_unique_key_is_taken_is_passed(queue):
    await die(queue, unique_key="k")
    await queue.submit([task(unique_key="k")])
    await die(queue, priority=10)
    job_id = await queue.begin_job(JobKind.REQUEUE, ALL, by="ops")
    await run(queue, job_id)
    job = await queue.get_job(job_id)
    assert (job.done, job.skipped) == (1, 1)


async def _waiting_of_all_kinds(queue) -> dict[str, list[str]]:
    """In queue `a`: pending, parked, scheduled, retrying, running, done; in `b` one pending."""
    ids: dict[str, list[str]] = {}

    async def add(name, count, **fields):
        items = await queue.submit(tasks(count, **{"queue": "a", **fields}))
        ids[name] = [item.id for item in items]

    state = await registered(queue, "a")
    for kind, name in (("f", "retrying"), ("c", "done")):
        await add(name, 3)
        claims = (await queue.exchange(state, free=3)).claims
        await queue.exchange(state, [ending(claim, kind, delay_ms=60_000) for claim in claims], free=0)
    await add("running", 1)
    await queue.exchange(state, free=1)
    await add("parked", 110, task_type="rare")
    await queue.exchange(state, free=100)
    await queue.exchange(state, free=100)
    await add("pending", 130)
    await add("scheduled", 120, delay_seconds=60)
    await add("elsewhere", 1, queue="b")
    return ids


async def _kept(queue, ids) -> set[str]:
    kept = set()
    for name, of_name in ids.items():
        try:
            await queue.get(of_name[-1])
        except NotFound:
            continue
        kept.add(name)
    return kept


@pytest.mark.parametrize(
    ("statuses", "kept"),
    [
        (frozenset({PENDING}), {"retrying", "done", "running", "scheduled", "elsewhere"}),
        (frozenset({PENDING, SCHEDULED}), {"retrying", "done", "running", "elsewhere"}),
        (WAITING_STATUSES, {"done", "running", "elsewhere"}),
    ],
)
async def test_a_queue_is_purged(queue, statuses, kept):
    ids = await _waiting_of_all_kinds(queue)
    job_id = await queue.begin_job(JobKind.PURGE, JobFilter(queue="a", statuses=statuses), by="ops")
    await it_is_later(queue, job_id)
    [late] = await queue.submit([task(queue="a")])
    assert (await run(queue, job_id)).state == "done"
    job = await queue.get_job(job_id)
    gone = ids.keys() - kept
    assert await _kept(queue, ids) == kept
    assert job.done == job.total == sum(len(ids[name]) for name in gone)
    assert (await queue.get(late.id)).status is PENDING


async def test_waiting_tasks_of_a_type_are_cancelled_in_all_queues(queue):
    ids = await _waiting_of_all_kinds(queue)
    wanted = JobFilter(task_type="noop", statuses=WAITING_STATUSES)
    job_id = await queue.begin_job(JobKind.CANCEL, wanted, by="ops")
    assert (await run(queue, job_id)).state == "done"
    cancelled = await ids_of(queue, TaskStatus.CANCELLED)
    assert cancelled == {
        one for name in ("pending", "scheduled", "retrying", "elsewhere") for one in ids[name]
    }
    job = await queue.get_job(job_id)
    assert (job.done, job.total) == (len(cancelled), None)
    assert set(job.statuses) == WAITING_STATUSES


async def test_a_task_that_changes_its_index_meanwhile_is_met_all_the_same(queue, store):
    """It was scheduled when the pending ones were looked at, and pending when the scheduled ones were."""
    await queue.submit(tasks(250))
    [moving] = await queue.submit([task(delay_seconds=600, priority=1)])
    job_id = await queue.begin_job(
        JobKind.CANCEL, JobFilter(queue="default", statuses=WAITING_STATUSES), by="ops"
    )
    # It leaves `timers` before that is read, and comes back behind the reader's back.
    await queue.edit(moving.id, by="ops", run_now=True)
    await queue.run_job_slice(job_id, 1, "me")
    later = (await queue.overview()).now.timestamp() * 1000 + 600_000
    await queue.edit(moving.id, by="ops", run_at_ms=later)
    assert (await run(queue, job_id, 2)).state == "done"
    assert (await queue.get(moving.id)).status is TaskStatus.CANCELLED


async def test_what_is_parked_by_its_limit_key_is_purged(queue):
    await queue.limit_keys("a", Limit(concurrency=1), by="ops")
    items = await queue.submit(tasks(230, queue="a", limit_key="k") + tasks(20, queue="a", limit_key="l"))
    state = await registered(queue, "a")
    claims = [claim for _ in range(3) for claim in (await queue.exchange(state, free=100)).claims]
    running = await ids_of(queue, TaskStatus.RUNNING)
    assert len(running) == 2
    job_id = await queue.begin_job(
        JobKind.PURGE, JobFilter(queue="a", statuses=frozenset({PENDING})), by="ops"
    )
    assert (await run(queue, job_id)).state == "done"
    assert (await queue.get_job(job_id)).done == 248
    assert await _kept(queue, {item.id: [item.id] for item in items}) == running
    # The counts of the keys are put right when those that run end.
    reply = await queue.exchange(state, [ending(claim) for claim in claims], free=5)
    assert (reply.lost, reply.claims) == ([], [])


async def test_thousands_of_one_millisecond_are_gone_through(queues, store):
    """Half of them are not meant and stay: the place among members of one score is found again."""
    queue = queues()
    for _ in range(6):
        await queue.submit([*tasks(250, delay_seconds=600), *tasks(250, task_type="rare", delay_seconds=600)])
    key = "{test:0}:timers"
    due = int(max(score for _, score in store.zrange(key, 0, -1, withscores=True))) + 1
    for member in store.zrange(key, 0, -1):
        store.zadd(key, {member: due})
        name = f"{{test:0}}:t:{member.split(':')[1]}"
        text = store.get(name)
        rest = text.partition("\n")[2]
        store.set(name, f"S0 0 {due}\n{rest}")
    store.zadd(key, {"s:held": due, "d:C": due, "w:zzz": due})
    wanted = JobFilter(task_type="rare", statuses=frozenset({SCHEDULED}))
    job_id = await queue.begin_job(JobKind.CANCEL, wanted, by="ops")
    assert (await run(queue, job_id)).state == "done"
    assert (await queue.get_job(job_id)).done == 1500
    assert (await queue.overview()).counts["scheduled"] == 1500
    store.zrem(key, "s:held", "d:C", "w:zzz")
    store.zadd(key, {"d:X": 1})
    await queue.tick()


async def test_a_full_store_can_be_purged(queue, store):
    await queue.submit(tasks(150))
    store.config_set("maxmemory", "1")
    try:
        job_id = await queue.begin_job(
            JobKind.PURGE, JobFilter(queue="default", statuses=frozenset({PENDING})), by="ops"
        )
        [due] = await handed_out(queue)
        assert (await queue.work_off(due, may_go_on=lambda: True)).state == "done"
        with pytest.raises(StoreFull):
            await queue.submit([task()])
    finally:
        store.config_set("maxmemory", "0")
    assert (await queue.overview()).counts["pending"] == 0
    assert (await queue.get_job(job_id)).done == 150


async def test_one_is_cancelled_and_what_it_did_stays(queue, store):
    await die(queue, 90)
    await die(queue, 90)
    job_id = await queue.begin_job(JobKind.REQUEUE, ALL, by="ops")
    await queue.run_job_slice(job_id, 1, "me")
    assert await queue.cancel_job(job_id, by="boss") is JobState.CANCELLED
    assert (await queue.run_job_slice(job_id, 2, "me")).state == "cancelled"
    assert await queue.cancel_job(job_id, by="boss") is JobState.CANCELLED
    job = await queue.get_job(job_id)
    assert (job.state, job.done, job.reason) == (JobState.CANCELLED, 100, "cancelled by boss")
    assert not store.zscore("{test:0}:timers", f"j:{job_id}")
    assert 0 < store.pttl(f"{{test:0}}:job:{job_id}") <= 86_400_000
    with pytest.raises(NotFound):
        await queue.cancel_job("0" * 27, by="ops")
    with pytest.raises(NotFound):
        await queue.get_job("0" * 27)


async def test_lists_and_limits(queues, store):
    queue = queues()
    await die(queue, 1)
    ended = [await queue.begin_job(JobKind.REQUEUE, ALL, by="ops") for _ in range(99)]
    live = await queue.begin_job(JobKind.REQUEUE, ALL, by="ops")
    with pytest.raises(Conflict, match="100"):
        await queue.begin_job(JobKind.REQUEUE, ALL, by="ops")
    for job_id in ended:
        assert (await run(queue, job_id)).state == "done"
    assert [job.id for job in await queue.list_jobs(1)] == [live]
    assert {job.id for job in await queue.list_jobs(100)} == {live, *ended}
    # The oldest of more than 100 ended ones go, and all after a day.
    more = [await queue.begin_job(JobKind.REQUEUE, ALL, by="ops") for _ in range(5)]
    for job_id in more:
        await run(queue, job_id)
    await run(queue, await queue.begin_job(JobKind.REQUEUE, ALL, by="ops"))
    assert store.zcount("{test:0}:jobs", "-inf", 10**13) <= 101
    for job_id in store.zrange("{test:0}:jobs", 0, -1):
        if job_id != live:
            store.zadd("{test:0}:jobs", {job_id: 1})
            store.delete(f"{{test:0}}:job:{job_id}")  # as its expiry does
    last = await queue.begin_job(JobKind.REQUEUE, ALL, by="ops")
    assert [job.id for job in await queue.list_jobs()] == [last, live]
    await queue.cancel_job(last, by="ops")
    await queue.cancel_job(live, by="ops")


@pytest.mark.parametrize(
    ("wanted", "pace", "field"),
    [
        (JobFilter(queue="a:b"), JobPace(), "queue"),
        (JobFilter(task_type=""), JobPace(), "task_type"),
        (JobFilter(fingerprint="x y"), JobPace(), "fingerprint"),
        (JobFilter(statuses=frozenset({TaskStatus.RUNNING})), JobPace(), "statuses"),
        (ALL, JobPace(first=11), "first"),
        (ALL, JobPace(per_second=0), "per_second"),
        (ALL, JobPace(per_second=1001), "per_second"),
        (ALL, JobPace(per_second=float("nan")), "per_second"),
    ],
)
async def test_what_cannot_be_asked_for(queue, wanted, pace, field):
    with pytest.raises(InvalidInput, match=field):
        await queue.begin_job(JobKind.REQUEUE, wanted, by="ops", pace=pace)


async def test_unknown_queues_and_groups_are_told(queue, store):
    with pytest.raises(NotFound, match="queue"):
        await queue.begin_job(JobKind.PURGE, JobFilter(queue="none", statuses=frozenset({PENDING})), by="ops")
    with pytest.raises(NotFound, match="group"):
        await queue.begin_job(JobKind.REQUEUE, JobFilter(fingerprint="none"), by="ops")
    assert store.keys("*job*") == []


@pytest.mark.parametrize("seed", range(4))
async def test_many_runners_do_each_task_once(queues, store, seed):
    """Runners that die, repeat, come late and meet a busy system."""
    draw = random.Random(seed)
    queue = queues()
    dead = set(await die(queue, 100)) | set(await die(queue, 100)) | set(await die(queue, 30))
    pace = JobPace(per_second=draw.choice([None, 100]))
    job_id = await queue.begin_job(JobKind.REQUEUE, ALL, by="ops", pace=pace)
    await it_is_later(queue, job_id)
    state = await registered(queue)
    seen: list[str] = []
    for _ in range(60):
        if draw.random() < 0.5:
            pass_time(store, job_id)
        job = store.hgetall(f"{{test:0}}:job:{job_id}")
        number = int(job["slice"]) + draw.choice([0, 1, 1, 1, 2])
        await queue.run_job_slice(job_id, number, draw.choice("ab"))
        if draw.random() < 0.4:
            claims = (await queue.exchange(state, free=draw.randint(0, 50), maintain=False)).claims
            seen += [claim.id for claim in claims]
            outcomes = [ending(claim, draw.choice("cx"))._replace(group="abc") for claim in claims]
            await queue.exchange(state, outcomes, free=0, maintain=False)
    while (await queue.get_job(job_id)).state is JobState.RUNNING:
        pass_time(store, job_id)
        job = store.hgetall(f"{{test:0}}:job:{job_id}")
        await queue.run_job_slice(job_id, int(job["slice"]) + 1, "last")
    assert (await queue.get_job(job_id)).done == len(dead)
    while claims := (await queue.exchange(state, free=100)).claims:
        seen += [claim.id for claim in claims]
        await queue.exchange(state, [ending(claim) for claim in claims], free=0)
    assert sorted(seen) == sorted(dead)

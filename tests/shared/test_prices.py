"""What operations cost: Redis calls as the server counts them, inner ones included, against the budget.

Upstash bills each of them. Run with `-s` to see the table.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from shared.jobs import JobFilter, JobKind
from shared.models import Limit, TaskStatus
from shared.queue import Allowance, Outcome
from shared.queue.cursors import TaskFilter
from shared.rates import Rate
from tests.support.bands import expire
from tests.support.factories import ending, registered, task, tasks
from tests.support.waiting import wait_until

OF_THE_METER = {"cmdstat_info", "cmdstat_config|resetstat"}


@pytest.fixture
def queue(tcp_queues, request):
    return tcp_queues(**getattr(request, "param", {}))


class Bill:
    """What one stretch of work cost.

    Attributes:
        counted: by the server.
        told: by the scripts' own replies.
        commands: which, for an error text.
    """

    counted = 0
    told = 0
    commands: dict[str, int]


@pytest.fixture
def bill(store, queue) -> Callable[..., object]:
    """A meter: `with bill("name", budget, share=tasks) as b`."""

    @contextmanager
    def measure(name: str, budget: float, share: int = 1) -> Iterator[Bill]:
        made = Bill()
        store.config_resetstat()
        before = queue.calls
        yield made
        made.told = queue.calls - before
        stats = store.info("commandstats")
        made.commands = {key[8:]: one["calls"] for key, one in stats.items() if key not in OF_THE_METER}
        made.counted = sum(made.commands.values())
        cost = made.counted / share
        print(f"\n| {name} | {cost:g} | budget {budget:g} |", end="")
        assert made.told == made.counted, f"{name}: told {made.told}, counted {made.counted}: {made.commands}"
        assert cost <= budget, f"{name}: {cost:g} over {budget:g}: {made.commands}"

    return measure


async def _warm(queue):
    """Scripts are loaded, the queue and its counts exist, a worker is there; nothing is left to do."""
    state = await registered(queue)
    for kind in ("c", "x", "k"):
        await queue.submit(tasks(1))
        [claim] = (await queue.exchange(state, free=1)).claims
        await queue.exchange(state, [ending(claim, kind)], free=1)
    await queue.cancel((await queue.submit(tasks(1, max_retries=0)))[0].id)
    await queue.tick()
    await queue.list_tasks()
    await queue.overview()
    await queue.task_types()
    assert await queue.renew(state, is_idle=True)
    return state


async def test_submitting_one(queue, bill):
    await _warm(queue)
    with bill("submit one into an empty queue", 6):
        await queue.submit([task()])
    with bill("submit one that looks for a free worker in vain", 8):
        await queue.submit([task()])
    with bill("submit one under load", 5):
        await queue.submit([task()])
    with bill("submit one with an idempotency key", 5):
        await queue.submit([task(idempotency_key="k")])
    with bill("submit one again by its key", 6):
        await queue.submit([task(idempotency_key="k")])
    with bill("submit one delayed, due before all others", 7):
        await queue.submit([task(delay_seconds=60)])
    with bill("submit one delayed", 7):
        await queue.submit([task(delay_seconds=90)])


async def test_submitting_within_an_allowance(queue, bill):
    """Into an empty queue each time: the dearest there is, as workers are woken, too."""
    await _warm(queue)
    web = Allowance("web", Rate(10, 3600))
    for state in ("whole", "in use"):
        with bill(f"submit one by its key while the allowance is {state}", 8):
            [item] = await queue.submit([task(idempotency_key=state, max_retries=0)], allowance=web)
        await queue.cancel(item.id)
        queue.quiet_queues.clear()  # none of them looks for a free worker


async def test_submitting_many(queue, bill):
    await _warm(queue)
    await asyncio.sleep(0.002)  # the first of its ms: another costs a call more
    with bill("submit a batch of 100, per task", 0.06, 100):
        await queue.submit(tasks(100))
    with bill("submit a batch of 1,000, per task", 0.01, 1000):
        await queue.submit(tasks(1000))
    await asyncio.sleep(0.002)
    with bill("submit a batch of 100 with keys, per task", 0.05, 100):
        await queue.submit([task({"n": n}, idempotency_key=f"all{n}") for n in range(100)])
    await asyncio.sleep(0.002)
    with bill("submit 100 with keys of which 50 are known, per task", 0.1, 100):
        await queue.submit([task({"n": n}, idempotency_key=f"all{n}") for n in range(50)] + tasks(50))


async def test_an_exchange_alone(queue, bill):
    state = await _warm(queue)
    with bill("exchange: nothing to do", 13):
        await queue.exchange(state, free=10)
    await queue.submit([task()])
    with bill("exchange: one claim", 13):
        [claim] = (await queue.exchange(state, free=1)).claims
    with bill("exchange: one outcome", 13):
        await queue.exchange(state, [ending(claim)], free=1)


HOUR = {"retention_s": 3600, "dead_retention_s": 3600}


@pytest.mark.parametrize("queue", [HOUR, {}], ids=["kept an hour", "default"], indirect=True)
async def test_one_exchange_that_carries_all_at_once(queue, bill):
    """Every kind of outcome, a cancellation, promotions, retries, claims: one call."""
    state = await _warm(queue)
    await queue.submit([*tasks(80), *tasks(20, task_type="noop", max_retries=0)])
    claims = (await queue.exchange(state, free=100)).claims
    await queue.submit([*tasks(50, delay_seconds=0.001), *tasks(60)])
    await queue.cancel(claims[0].id)
    outcomes = [ending(claim, "cfxksh"[n % 6], delay_ms=60_000) for n, claim in enumerate(claims)]
    await wait_until(lambda: _is_due(queue), describe="the delayed ones are due")
    with bill("exchange: 100 outcomes of all six kinds, with promotions due and claims wanted", 13):
        reply = await queue.exchange(state, outcomes, free=100)
    claimed = len(reply.claims)
    while claimed < 126:
        assert reply.has_more or claimed == 100
        with bill("exchange: what did not fit", 13):
            reply = await queue.exchange(state, free=100, holding=claimed)
        claimed += len(reply.claims)


async def test_ends_of_all_kinds_are_one_write(queue, bill):
    """Completed, dead and cancelled tasks and the last deaths of groups of errors are in one sorted set."""
    state = await _warm(queue)
    await queue.submit(tasks(12, max_retries=0))
    claims = (await queue.exchange(state, free=12)).claims
    alone, mixed, deadly = claims[:2], claims[2:6], claims[6:]
    with bill("exchange: 2 outcomes that complete", 8) as cost:
        outcomes = [ending(claim) for claim in alone]
        await queue.exchange(state, outcomes, free=0, holding=10, maintain=False, want_cursor=False)
    assert cost.commands["zadd"] == 1
    with bill("exchange: 4 outcomes that complete and cancel", 8) as cost:
        outcomes = [ending(claim, "ck"[n % 2]) for n, claim in enumerate(mixed)]
        await queue.exchange(state, outcomes, free=0, holding=6, maintain=False, want_cursor=False)
    assert cost.commands["zadd"] == 1
    with bill("exchange: 6 outcomes that complete, kill and cancel", 9) as cost:
        outcomes = [ending(claim, "cxk"[n % 3]) for n, claim in enumerate(deadly)]
        outcomes = [one._replace(group="abc") if one.kind == "x" else one for one in outcomes]
        await queue.exchange(state, outcomes, free=0, maintain=False, want_cursor=False)
    assert cost.commands["zadd"] == 2  # and which group the dead are in


@pytest.mark.parametrize("queue", [HOUR, {}], ids=["kept an hour", "default"], indirect=True)
async def test_one_exchange_under_load_with_promotions(queue, bill):
    state = await _warm(queue)
    await queue.submit(tasks(100))
    claims = (await queue.exchange(state, free=100)).claims
    await queue.submit([*tasks(50, delay_seconds=0.001), *tasks(60)])
    await wait_until(lambda: _is_due(queue), describe="the delayed ones are due")
    with bill("exchange: 100 completed, 50 promotions, 100 claims", 13):
        reply = await queue.exchange(state, [ending(claim) for claim in claims], free=100)
    if not reply.claims:  # kept for less than a day: the timer of what ended is a call
        with bill("exchange: 100 claims, which did not fit", 10):
            reply = await queue.exchange(state, free=100, maintain=False)
    assert len(reply.claims) == 100


async def _is_due(queue) -> bool:
    page = await queue.list_tasks(TaskFilter(TaskStatus.SCHEDULED), limit=1000)
    now = (await queue.overview()).now
    return all(one.run_at < now for one in page.tasks)


async def test_maintenance_is_bounded(queue, bill, store):
    """What comes on top, rarely: two dead workers with 100 tasks each, and 100 ended tasks of a status."""
    state = await _warm(queue)
    await queue.submit(tasks(300))
    for _ in range(2):
        other = await registered(queue)
        await queue.exchange(other, free=100)
        store.zadd("{test:0}:timers", {f"w:{other.name}": 1})
    claims = (await queue.exchange(state, free=100, maintain=False)).claims
    await queue.exchange(state, [ending(claim) for claim in claims], free=0, maintain=False)
    expire(store, "C")
    claimed, is_more = 0, True
    while is_more:
        with bill("exchange: of two workers reaped, 100 trimmed, 100 claimed what fits", 13):
            reply = await queue.exchange(state, free=100 - claimed, holding=claimed)
        claimed += len(reply.claims)
        is_more = reply.has_more or (reply.next_due_ms > 0 and reply.next_due_ms <= reply.now_ms)
    assert claimed == 100
    assert (await queue.overview()).counts["completed"] == 0


async def test_parking_is_one_write_per_type(queue, bill):
    state = await _warm(queue)
    await queue.submit(tasks(100, task_type="alien"))
    with bill("exchange: parks 100 of one type", 13):
        await queue.exchange(state, free=100)


async def test_one_task_alone_from_submission_to_result(queue, bill):
    """As the only worker does it: it was waiting, exchanges, and hands in the result; then it waits for the next."""
    state = await _warm(queue)
    cursor = (await queue.exchange(state, free=1, want_cursor=True)).cursor
    with bill("one task alone, submission to result", 24):
        waiting = asyncio.create_task(queue.wait(cursor, 20_000))
        [item] = await queue.submit([task()])
        [(cursor, _)] = await waiting
        reply = await queue.exchange(state, free=1, maintain=False, want_cursor=False)
        outcomes = [ending(claim) for claim in reply.claims]
        await queue.exchange(state, outcomes, free=1, maintain=False, want_cursor=False)
    assert await queue.wait(cursor, 50) == [], "its own lease wakes nobody"
    assert (await queue.get(item.id)).status is TaskStatus.COMPLETED


async def test_one_task_alone_that_is_handed_over(queue, bill):
    """The submission before it met an empty queue, so this one looks for a worker with a free slot: the dearest there is."""
    state = await _warm(queue)
    await queue.submit([task()])
    [claim] = (await queue.exchange(state, free=1)).claims
    await queue.exchange(state, [ending(claim)], free=1)
    assert await queue.renew(state, is_idle=True)
    cursor = (await queue.exchange(state, free=1, want_cursor=True)).cursor
    with bill("one task alone that is handed over, submission to result", 19):
        [item] = await queue.submit([task()])
        [(_, fields)] = await queue.wait(cursor, 20_000)
        claims = state.take_handed(fields["h"], fields["r"], now_ms=0, is_busy=False)
        await queue.exchange(state, [ending(claims[0])], free=1, maintain=False, want_cursor=False)
    assert claims[0].id == item.id
    assert (await queue.get(item.id)).status is TaskStatus.COMPLETED


async def test_claim_and_finish_in_batches_of_100(queue, bill):
    state = await _warm(queue)
    await queue.submit(tasks(1000))
    claims = (await queue.exchange(state, free=100)).claims
    with bill("claim and finish, per task, batches of 100", 0.1, 900):
        for _ in range(9):
            outcomes: list[Outcome] = [ending(claim) for claim in claims]
            reply = await queue.exchange(state, outcomes, free=100, maintain=False, want_cursor=False)
            claims = reply.claims
    await queue.exchange(state, [ending(claim) for claim in claims], free=0)


async def test_reads(queue, bill):
    await _warm(queue)
    [item] = (await queue.submit([*tasks(60), task(queue="other")]))[:1]
    with bill("read one task", 2):
        await queue.get(item.id)
    pending = TaskFilter(TaskStatus.PENDING)
    with bill("a page of 50 pending", 3):
        page = await queue.list_tasks(pending, limit=50)
    assert len(page.tasks) == 50
    await queue.list_tasks(pending, limit=5, cursor=page.next_cursor)  # its script is loaded
    with bill("the next page of it", 3):
        assert len((await queue.list_tasks(pending, limit=5, cursor=page.next_cursor)).tasks) == 5
    with bill("a page of 50 of any status", 3):
        assert len((await queue.list_tasks(limit=50)).tasks) == 50
    state = await registered(queue)
    claims = (await queue.exchange(state, free=50)).claims
    for wanted in (TaskFilter(TaskStatus.RUNNING), TaskFilter(TaskStatus.DEAD, fingerprint="abc")):
        await queue.list_tasks(wanted)  # its script is loaded
    with bill("a page of 50 that a worker holds", 3):
        wanted = TaskFilter(TaskStatus.RUNNING, worker=state.name)
        assert len((await queue.list_tasks(wanted, limit=50)).tasks) == 50
    outcomes = [ending(claim, "x")._replace(group="abc") for claim in claims]
    await queue.exchange(state, outcomes, free=0)
    with bill("a page of 50 dead", 3):
        assert len((await queue.list_tasks(TaskFilter(TaskStatus.DEAD), limit=50)).tasks) == 50
    with bill("a page of 50 of an error", 3):
        assert (
            len((await queue.list_tasks(TaskFilter(TaskStatus.DEAD, fingerprint="abc"), limit=50)).tasks)
            == 50
        )
    await queue.submit(tasks(60, priority=9))
    with bill("a page of 50 pending of a priority", 3):
        assert len((await queue.list_tasks(TaskFilter(TaskStatus.PENDING, priority=9), limit=50)).tasks) == 50
    [keyed] = await queue.submit([task(unique_key="k")])
    with bill("a page of 50 pending of a type", 4):
        wanted = TaskFilter(TaskStatus.PENDING, task_type="noop")
        assert len((await queue.list_tasks(wanted, limit=50)).tasks) == 50
    with bill("the task of a key", 3):
        assert [one.id for one in (await queue.list_tasks(TaskFilter(None, "default", key="k"))).tasks] == [
            keyed.id
        ]
    with bill("the overview", 8):
        await queue.overview()
    with bill("the registry of types", 6):
        await queue.task_types()


async def test_a_page_of_what_ended_in_several_ways(queue, bill):
    state = await _warm(queue)
    await queue.submit(tasks(60))
    claims = (await queue.exchange(state, free=60)).claims
    outcomes = [ending(claim, "cxk"[n % 3]) for n, claim in enumerate(claims)]
    await queue.exchange(state, outcomes, free=0)
    with bill("a page of 50 of what ended in any way", 3):
        assert len((await queue.list_tasks(limit=50)).tasks) == 50
    cancelled = TaskFilter(TaskStatus.CANCELLED)
    await queue.list_tasks(cancelled)  # its script is loaded
    with bill("a page of 20 cancelled", 3):
        assert len((await queue.list_tasks(cancelled, limit=20)).tasks) == 20


async def test_presence(queue, bill):
    state = await _warm(queue)
    with bill("renew the presence of an idle worker", 4):
        assert await queue.renew(state, is_idle=True)
    await queue.submit([task()])
    await queue.exchange(state, free=1)
    with bill("renew the lease", 4):
        assert await queue.renew(state, is_idle=False)


async def test_control(queue, bill):
    state = await _warm(queue)
    pending, delayed, running = [
        item.id for item in await queue.submit([task(), task(delay_seconds=9), task(priority=9)])
    ]
    await queue.exchange(state, free=1)
    for name, task_id in (("pending", pending), ("scheduled", delayed), ("running", running)):
        with bill(f"cancel a {name} task", 10):
            await queue.cancel(task_id)
    with bill("tick: nothing due", 5):
        await queue.tick()


async def test_bulk_operations(queue, bill):
    """Beyond the table of budgets: what a slice of 100 costs, and to be handed out one."""
    state = await _warm(queue)
    await queue.submit([*tasks(100, max_retries=0), *tasks(100, max_retries=0)])
    for _ in range(2):
        claims = (await queue.exchange(state, free=100)).claims
        outcomes = [ending(claim, "x")._replace(group="abc") for claim in claims]
        await queue.exchange(state, outcomes, free=0)
    job_id = await queue.begin_job(JobKind.DELETE, JobFilter(task_type="none"), by="ops")
    await queue.run_job_slice(job_id, 1, "me")
    with bill("begin a bulk operation", 14):
        job_id = await queue.begin_job(JobKind.REQUEUE, JobFilter(), by="ops")
    with bill("exchange: is handed out a bulk operation", 13):
        assert (await queue.exchange(state, free=0)).due
    with bill("a slice of it: 100 requeued, per task", 0.2, 100):
        await queue.run_job_slice(job_id, 1, "me")
    await queue.run_job_slice(job_id, 2, "me")
    wanted = JobFilter(queue="default", statuses=frozenset({TaskStatus.PENDING}))
    job_id = await queue.begin_job(JobKind.PURGE, wanted, by="ops")
    with bill("a slice of a purge, per task", 0.2, 100):
        await queue.run_job_slice(job_id, 1, "me")
    await queue.cancel_job(job_id, by="ops")


async def test_the_audit(queue, bill):
    """Beyond the table of budgets: all of it, for 3,000 tasks in several places."""
    state = await _warm(queue)
    await queue.audit(may_go_on=lambda: True)
    await queue.submit(tasks(1000))
    for _ in range(10):
        claims = (await queue.exchange(state, free=100)).claims
        await queue.exchange(state, [ending(claim) for claim in claims], free=0)
    await queue.submit(tasks(1000))
    for _ in range(2):
        await queue.submit(tasks(500, delay_seconds=600))
    with bill("an audit that repairs nothing, per task", 0.12, 3000):
        assert (await queue.audit(may_go_on=lambda: True)).repaired == {}
    with bill("to hear that none is due", 4):
        await queue.audit(may_go_on=lambda: True, every_s=3600)


async def test_features_in_use(queue, bill):
    """The figures of docs/LIMITS.md."""
    state = await _warm(queue)
    await queue.submit([task(fair_key="a"), task(limit_key="a")])
    with bill("submit one with a limit key", 7):
        await queue.submit([task(limit_key="b")])
    with bill("submit one with a fair key", 10):
        await queue.submit([task(fair_key="b")])
    window = {"unique_key": "t", "throttle_seconds": 60}
    with bill("submit one with throttle", 8):
        await queue.submit([task(**window)])
    with bill("submit one that is throttled", 5):
        await queue.submit([task(**window)])
    quiet = {"unique_key": "d", "debounce": {"seconds": 60}}
    with bill("submit one with debounce", 11):
        await queue.submit([task(**quiet)])
    with bill("submit one that moves it", 11):
        await queue.submit([task({"n": 2}, **quiet)])
    claims = (await queue.exchange(state, free=50)).claims
    await queue.exchange(state, [ending(claim) for claim in claims], free=0)


async def test_limits_in_use(queue, bill):
    state = await _warm(queue)
    await queue.limit_keys("default", Limit(concurrency=2), by="ops")
    await queue.submit([task({"n": n}, limit_key=f"k{n % 10}") for n in range(100)])
    with bill("exchange: claims of 10 keys, the others parked", 22):
        claims = (await queue.exchange(state, free=50)).claims
    assert len(claims) == 20
    with bill("exchange: 20 outcomes of 10 keys, 3 keys come back", 28):
        reply = await queue.exchange(state, [ending(claim) for claim in claims], free=50)
    claims = list(reply.claims)
    while reply.has_more:
        reply = await queue.exchange(state, free=50 - len(claims), holding=len(claims))
        claims += reply.claims
    assert len(claims) == 20
    await queue.exchange(state, [ending(claim) for claim in claims], free=0)

"""`explain`: the reason, the sentence with its numbers, and the price."""

from __future__ import annotations

import re

import pytest

from shared.errors import NotFound
from shared.explanations import ExplainCode
from shared.models import Limit, RateLimit, TaskStatus
from tests.support.factories import ending, registered, task, tasks

NO_TASK = "0" * 27


async def _submit(queue, /, **fields):
    return (await queue.submit([task(**fields)]))[0].id


async def test_a_paused_queue_names_who_and_since_when(queue):
    await registered(queue)
    await queue.submit(tasks(3))
    task_id = await _submit(queue)
    await queue.pause("default", by="ops", reason="the mail server is being moved")
    told = await queue.explain(task_id)
    assert told.code is ExplainCode.QUEUE_PAUSED
    assert told.paused_by == "ops"
    assert told.paused_reason == "the mail server is being moved"
    assert told.paused_at is not None
    assert told.ahead == 3
    assert re.fullmatch(
        r"Queue default is paused by ops since \d+ ms|.* \(the mail server is being moved\); 3 tasks wait before "
        r"this one\.",
        told.sentence,
    )


async def test_without_any_worker(queue):
    task_id = await _submit(queue)
    told = await queue.explain(task_id)
    assert told.code is ExplainCode.NO_WORKER
    assert told.sentence == "No live worker serves queue default."
    assert (told.workers, told.ahead, told.last_worker) == (0, 0, None)


async def test_workers_of_other_queues_are_counted(queue):
    await registered(queue, "mail")
    told = await queue.explain(await _submit(queue))
    assert told.sentence == "No live worker serves queue default; 1 worker of other queues live."


async def test_a_type_that_no_live_worker_knows(queue):
    state = await registered(queue)
    task_id = await _submit(queue, task_type="other")
    told = await queue.explain(task_id)
    assert told.code is ExplainCode.TYPE_UNKNOWN
    assert told.sentence == "No live worker knows type other; 1 worker of queue default live."
    await queue.exchange(state, free=1)
    parked = await queue.explain(task_id)
    assert parked.code is ExplainCode.TYPE_UNKNOWN
    assert parked.status is TaskStatus.PENDING


async def test_the_last_worker_that_could_is_named(queue, store):
    lost = await registered(queue, types=("other",))
    await registered(queue)
    task_id = await _submit(queue, task_type="other")
    store.zadd("{test:0}:timers", {f"w:{lost.name}": 1_000})  # its lease expired long ago
    told = await queue.explain(task_id)
    assert told.code is ExplainCode.TYPE_UNKNOWN
    assert told.last_worker == lost.name
    assert told.last_worker_at is not None
    assert re.search(
        rf"; the last that could run it, {lost.name}, was lost \d+ d( \d+ h)? ago\.$", told.sentence
    )
    await queue.tick()
    told = await queue.explain(task_id)
    assert told.last_worker == lost.name
    assert told.last_worker_at is None
    assert told.sentence.endswith(f"; the last that could run it, {lost.name}, is gone.")


async def test_tasks_ahead_and_the_time_they_take(queue):
    state = await registered(queue)
    before = await queue.submit(tasks(110))
    task_id = await _submit(queue)
    unknown = await queue.explain(task_id)
    assert unknown.code is ExplainCode.TASKS_AHEAD
    assert unknown.sentence == "110 tasks of queue default are ahead."
    assert unknown.estimated_seconds is None
    await queue.exchange(state, free=100)
    told = await queue.explain(task_id)
    assert told.ahead == 10
    assert told.starts_per_second is not None
    assert told.estimated_seconds == pytest.approx(10 / told.starts_per_second, abs=0.001)
    assert re.fullmatch(
        r"10 tasks of queue default are ahead, about [\d.]+ (ms|s) at the pace of the last [\d.]+ (ms|s)\.",
        told.sentence,
    )
    assert (told.workers, told.slots) == (1, 10)
    await queue.cancel(before[109].id)
    await queue.exchange(state, free=8)
    one = await queue.explain(task_id)
    assert one.sentence.startswith("1 task of queue default is ahead")


async def test_starts_of_other_queues_say_nothing(queue):
    state = await registered(queue, "default", "mail")
    await queue.submit(tasks(10, queue="mail"))
    await queue.exchange(state, free=10)
    await queue.submit(tasks(2))
    told = await queue.explain(await _submit(queue))
    assert (told.ahead, told.estimated_seconds) == (2, None)


async def test_a_higher_priority_is_ahead_of_nobody(queue):
    await registered(queue)
    await queue.submit(tasks(5))
    told = await queue.explain(await _submit(queue, priority=9))
    assert told.code is ExplainCode.NEXT
    assert told.sentence == (
        "It is next in queue default and waits for a free slot: 1 worker with 10 slots can run it; "
        "0 tasks of the queue run now."
    )


async def test_what_starts_later(queue):
    await registered(queue)
    told = await queue.explain(await _submit(queue, delay_seconds=90))
    assert told.code is ExplainCode.DUE_LATER
    assert re.fullmatch(r"It is due in 1 min (29|30) s\.", told.sentence)
    assert told.due_at is not None
    late = await queue.explain(await _submit(queue, task_type="other", delay_seconds=90))
    assert late.sentence.endswith(" No live worker of its queue knows type other.")


async def test_a_retry_that_is_due(queue):
    state = await registered(queue)
    task_id = await _submit(queue)
    [claim] = (await queue.exchange(state, free=1)).claims
    await queue.exchange(state, [ending(claim, "f", delay_ms=12_000)], free=0)
    told = await queue.explain(task_id)
    assert told.code is ExplainCode.RETRY_LATER
    assert re.fullmatch(r"Attempt 2 of 4 is due in (12|11) s\.", told.sentence)


async def test_what_is_overdue(queue, store):
    task_id = await _submit(queue, delay_seconds=0.001)
    told = await queue.explain(task_id)
    while told.code is not ExplainCode.OVERDUE:
        told = await queue.explain(task_id)
    assert told.sentence.startswith("It was due ")
    assert "/api/cron/tick" in told.sentence
    assert told.workers == 0


async def test_a_lease_and_its_heartbeat(queue):
    state = await registered(queue, lease_ms=30_000)
    task_id = await _submit(queue)
    [claim] = (await queue.exchange(state, free=1)).claims
    told = await queue.explain(task_id)
    assert told.code is ExplainCode.RUNNING
    assert told.worker == state.name
    assert told.heartbeat_seconds == pytest.approx(0, abs=5)
    assert re.fullmatch(
        rf"Attempt 1 of 4 runs on {state.name} since [\d.]+ (ms|s); the lease holds (30|2\d) s more, "
        r"heartbeat [\d.]+ (ms|s) ago\.",
        told.sentence,
    )
    assert told.cancel_requested is False
    await queue.cancel(task_id)
    asked = await queue.explain(task_id)
    assert asked.code is ExplainCode.CANCELLING
    assert asked.cancel_requested is True
    assert " and was asked to stop; " in asked.sentence
    await queue.exchange(state, [ending(claim, "k", "")], free=0)


async def test_a_lease_that_expired(queue, store):
    state = await registered(queue)
    task_id = await _submit(queue)
    await queue.exchange(state, free=1)
    store.zadd("{test:0}:timers", {f"w:{state.name}": 1_000})
    told = await queue.explain(task_id)
    assert told.code is ExplainCode.LEASE_EXPIRED
    assert told.sentence.startswith(f"Worker {state.name} is lost: its lease expired ")
    await queue.tick()


@pytest.mark.parametrize(
    ("kind", "code", "sentence"),
    [
        ("c", ExplainCode.COMPLETED, r"It completed [\d.]+ (ms|s) ago\."),
        ("x", ExplainCode.DEAD, r"It is in the dead letters since [\d.]+ (ms|s), after 1 attempt\."),
        ("k", ExplainCode.CANCELLED, r"It was cancelled [\d.]+ (ms|s) ago\."),
    ],
)
async def test_what_has_ended(queue, kind, code, sentence):
    state = await registered(queue)
    task_id = await _submit(queue)
    [claim] = (await queue.exchange(state, free=1)).claims
    await queue.exchange(state, [ending(claim, kind)], free=0)
    told = await queue.explain(task_id)
    assert told.code is code
    assert told.finished_at is not None
    assert re.fullmatch(sentence, told.sentence)


async def test_when_it_expires(queue):
    from datetime import UTC, datetime, timedelta

    await registered(queue)
    told = await queue.explain(
        await _submit(queue, expires_at=datetime.now(UTC) + timedelta(hours=2, seconds=30))
    )
    assert told.sentence.endswith(" It expires in 2 h.")
    gone = await queue.explain(await _submit(queue, expires_at=datetime(2020, 1, 1, tzinfo=UTC)))
    assert gone.sentence.endswith(" It has expired and will not be started.")


async def test_nothing_in_a_record_confuses_it(queue):
    """Long options and payloads of users are cut off or skipped, never read."""
    await registered(queue)
    task_id = await _submit(
        queue,
        payload={"x": "P1 0 0\n" * 3_000, "u": "ü" * 3_000},
        metadata={"n": "\n1 5 x y 3 x=1\n" * 500},
        unique_key="ä" * 200,
        retention_seconds=60,
    )
    told = await queue.explain(task_id)
    assert (told.code, told.queue, told.task_type, told.expires_at) == (
        ExplainCode.NEXT,
        "default",
        "noop",
        None,
    )


async def test_an_unknown_task(queue):
    with pytest.raises(NotFound):
        await queue.explain(NO_TASK)


async def test_the_price(tcp_queues, store):
    """At most 8 calls in every state, as the server counts them."""
    queue = tcp_queues()
    state = await registered(queue)
    running = await _submit(queue)
    claims = (await queue.exchange(state, free=1)).claims
    later = await _submit(queue, delay_seconds=60)
    parked = await _submit(queue, task_type="other")
    await queue.exchange(state, free=1)
    first = await _submit(queue)
    behind = await _submit(queue)
    paused = await _submit(queue, queue="held")
    await queue.pause("held", by="ops", reason="")
    ended = await _submit(queue)
    await queue.cancel(ended)
    expected = {running: 6, later: 5, parked: 8, first: 7, behind: 8, paused: 7, ended: 3}
    for task_id in expected:
        await queue.explain(task_id)  # the script is loaded
    for task_id, price in expected.items():
        before = queue.calls
        store.config_resetstat()
        await queue.explain(task_id)
        stats = store.info("commandstats")
        counted = sum(
            one["calls"] for name, one in stats.items() if name[8:] not in ("info", "config|resetstat")
        )
        assert counted == queue.calls - before == price
    assert claims


async def test_a_queue_at_its_limit(queue):
    state = await registered(queue)
    await queue.limit_queue("default", Limit(concurrency=2), by="ops")
    await queue.submit(tasks(4))
    task_id = await _submit(queue)
    before = await queue.explain(task_id)
    assert before.code is ExplainCode.TASKS_AHEAD
    await queue.exchange(state, free=5)
    told = await queue.explain(task_id)
    assert told.code is ExplainCode.QUEUE_AT_LIMIT
    assert told.sentence == "Queue default is at its limit: 2 of 2 run; 2 tasks wait before this one."
    assert (told.running, told.ahead, told.limit) == (2, 2, Limit(concurrency=2))


async def test_a_queue_at_its_rate(queue):
    state = await registered(queue)
    await queue.limit_queue("default", Limit(rate=RateLimit(limit=1, period_seconds=60.0, burst=1)), by="ops")
    await queue.submit(tasks(1))
    task_id = await _submit(queue)
    await queue.exchange(state, free=5)
    told = await queue.explain(task_id)
    assert told.code is ExplainCode.QUEUE_AT_LIMIT
    assert re.fullmatch(r"Queue default is at its rate: the next start is in (1 min|5\d s)\.", told.sentence)
    assert told.next_start_at is not None


async def test_a_limit_key_at_its_limit(queue, store):
    state = await registered(queue)
    await queue.limit_keys("default", Limit(concurrency=1), by="ops")
    await queue.submit([task({"n": n}, limit_key="a:b ü") for n in range(3)])
    task_id = await _submit(queue, limit_key="a:b ü")
    await _submit(queue, limit_key="other")
    await queue.exchange(state, free=5)
    told = await queue.explain(task_id)
    assert told.code is ExplainCode.KEY_AT_LIMIT
    assert told.sentence == "Limit key a:b ü is at its limit: 1 of 1 run; 2 tasks wait before this one."
    assert (told.limit_key, told.running, told.ahead) == ("a:b ü", 1, 2)
    await queue.limit_key("default", "a:b ü", Limit(concurrency=3), by="ops")
    roomy = await queue.explain(task_id)
    assert roomy.sentence.startswith("Limit key a:b ü has room again; ")
    before = queue.calls
    await queue.explain(task_id)
    assert queue.calls - before <= 9


async def test_a_limit_key_that_is_held(queue):
    state = await registered(queue)
    await queue.limit_keys("default", Limit(rate=RateLimit(limit=1, period_seconds=60.0, burst=1)), by="ops")
    await queue.submit([task({"n": n}, limit_key="k") for n in range(2)])
    task_id = await _submit(queue, limit_key="k")
    await queue.exchange(state, free=5)
    told = await queue.explain(task_id)
    assert told.code is ExplainCode.KEY_AT_LIMIT
    assert re.fullmatch(
        r"Limit key k is at its rate: the next start is in (1 min|5\d s); 1 task waits before this one\.",
        told.sentence,
    )


async def test_one_with_a_key_whose_type_nobody_knows(queue):
    state = await registered(queue)
    await queue.limit_keys("default", Limit(concurrency=1), by="ops")
    task_id = await _submit(queue, task_type="other", limit_key="k")
    await queue.exchange(state, free=5)
    assert (await queue.explain(task_id)).code is ExplainCode.TYPE_UNKNOWN

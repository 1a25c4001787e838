"""The worker's side: claims, outcomes, replays, stale numbers."""

from __future__ import annotations

import copy
from datetime import timedelta

import pytest

from shared.errors import InvalidInput
from shared.models import TaskStatus
from shared.queue import Outcome, QueueOptions, TaskQueue
from tests.support.factories import ERROR, ending, registered, task, tasks
from tests.support.stepped import SteppedTcp
from tests.support.waiting import wait_until


async def test_a_claim_says_all_that_a_worker_needs(queue):
    [item] = await queue.submit(
        [task({"a": 1}, priority=7, max_retries=2, timeout_seconds=4, metadata={"m": 1})]
    )
    state = await registered(queue)
    [claim] = (await queue.exchange(state, free=1)).claims
    assert (claim.id, claim.number, claim.task_type, claim.queue) == (item.id, 1, "noop", "default")
    assert (claim.priority, claim.attempt, claim.max_retries) == (7, 1, 2)
    assert claim.payload == '{"a":1}'
    assert claim.options == '{"timeout":4.0,"metadata":{"m":1}}'
    stored = await queue.get(item.id)
    assert (stored.status, stored.worker, stored.attempt) == (TaskStatus.RUNNING, state.name, 1)
    assert stored.started_at.timestamp() * 1000 == pytest.approx(claim.started_ms)
    assert [attempt.outcome for attempt in stored.attempts] == ["running"]


async def test_completed(queue):
    [item] = await queue.submit([task()])
    state = await registered(queue)
    [claim] = (await queue.exchange(state, free=1)).claims
    reply = await queue.exchange(state, [ending(claim, "c", '{"x":[1]}')], free=1)
    assert (reply.state, reply.lost, reply.claims) == ("ok", [], [])
    stored = await queue.get(item.id)
    assert (stored.status, stored.result, stored.error) == (TaskStatus.COMPLETED, {"x": [1]}, None)
    assert stored.finished_at >= stored.started_at
    assert [(attempt.attempt, attempt.outcome) for attempt in stored.attempts] == [(1, "completed")]


@pytest.mark.parametrize("size", [16_384, 16_385, 256 * 1024])
async def test_results_at_the_limits_come_back_whole(queue, store, size):
    [item] = await queue.submit([task()])
    state = await registered(queue)
    [claim] = (await queue.exchange(state, free=1)).claims
    await queue.exchange(state, [ending(claim, "c", '"' + "x" * (size - 2) + '"')], free=0)
    assert store.exists(f"{{test:0}}:o:{item.id}") == (size > 16_384)
    assert (await queue.get(item.id)).result == "x" * (size - 2)


async def test_failed_comes_back_after_its_delay(queue):
    [item] = await queue.submit([task()])
    state = await registered(queue)
    [claim] = (await queue.exchange(state, free=1)).claims
    reply = await queue.exchange(state, [ending(claim, "f", delay_ms=60_000)], free=1)
    stored = await queue.get(item.id)
    assert (stored.status, stored.error.message, stored.attempt) == (TaskStatus.RETRYING, "boom", 1)
    assert stored.run_at.timestamp() * 1000 == pytest.approx(reply.now_ms + 60_000)
    assert reply.next_due_ms == reply.now_ms + 60_000


async def test_retries_end_in_the_dead_letters(queue):
    [item] = await queue.submit([task(max_retries=2)])
    state = await registered(queue)
    for attempt in (1, 2, 3):
        [claim] = (await queue.exchange(state, free=1)).claims
        assert claim.attempt == attempt
        await queue.exchange(state, [ending(claim, "f")], free=0)
    assert (await queue.exchange(state, free=1)).claims == []
    stored = await queue.get(item.id)
    assert (stored.status, stored.attempt, stored.error.type) == (TaskStatus.DEAD, 3, "ValueError")
    assert [(one.attempt, one.outcome) for one in stored.attempts] == [
        (1, "failed"),
        (2, "failed"),
        (3, "failed"),
    ]


async def test_without_retries_the_first_failure_is_the_end(queue):
    [item] = await queue.submit([task(max_retries=0)])
    state = await registered(queue)
    [claim] = (await queue.exchange(state, free=1)).claims
    await queue.exchange(state, [ending(claim, "f")], free=1)
    assert (await queue.get(item.id)).status is TaskStatus.DEAD


async def test_rejected_is_dead_at_once(queue):
    [item] = await queue.submit([task(max_retries=5)])
    state = await registered(queue)
    [claim] = (await queue.exchange(state, free=1)).claims
    await queue.exchange(state, [ending(claim, "x")], free=1)
    stored = await queue.get(item.id)
    assert (stored.status, [one.outcome for one in stored.attempts]) == (TaskStatus.DEAD, ["rejected"])


@pytest.mark.parametrize(("kind", "retries"), [("x", 3), ("f", 0)])
async def test_the_dead_are_grouped_by_the_fingerprint_of_their_error(queue, store, kind, retries):
    [item] = await queue.submit([task(max_retries=retries)])
    state = await registered(queue)
    [claim] = (await queue.exchange(state, free=1)).claims
    await queue.exchange(state, [ending(claim, kind)._replace(group="abc.1")], free=0)
    assert store.zrange("{test:0}:groups", 0, -1) == [f"abc.1:{item.id}"]
    assert store.zrange("{test:0}:done", 0, -1) == ["group:abc.1", item.id]


async def test_a_group_that_is_no_name_is_refused_before_the_call(queue):
    state = await registered(queue)
    with pytest.raises(InvalidInput, match="group"):
        await queue.exchange(state, [Outcome("0" * 27, 1, "x", "{}", 0, "a b")], free=0)


async def test_cancelled_by_its_worker(queue):
    [item] = await queue.submit([task()])
    state = await registered(queue)
    [claim] = (await queue.exchange(state, free=1)).claims
    await queue.exchange(state, [ending(claim, "k")], free=1)
    assert (await queue.get(item.id)).status is TaskStatus.CANCELLED


async def test_snoozed_spends_no_attempt(queue):
    [item] = await queue.submit([task(max_retries=0)])
    state = await registered(queue)
    [claim] = (await queue.exchange(state, free=1)).claims
    await queue.exchange(state, [ending(claim, "s", delay_ms=60_000)], free=1)
    stored = await queue.get(item.id)
    assert (stored.status, stored.attempt) == (TaskStatus.SCHEDULED, 0)
    assert timedelta(seconds=59) < stored.run_at - stored.created_at < timedelta(seconds=70)


async def test_snoozed_for_no_time_runs_again_as_the_same_attempt(queue):
    await queue.submit([task(max_retries=0)])
    state = await registered(queue)
    [claim] = (await queue.exchange(state, free=1)).claims
    reply = await queue.exchange(state, [ending(claim, "s")], free=1)
    assert reply.next_due_ms == reply.now_ms
    [again] = (await queue.exchange(state, free=1)).claims
    assert (again.id, again.attempt, again.number) == (claim.id, 1, 3)
    await queue.exchange(state, [ending(again)], free=0)


async def test_handed_back_goes_before_what_came_later(queue):
    ids = [item.id for item in await queue.submit(tasks(3))]
    state, other = await registered(queue), await registered(queue)
    claims = (await queue.exchange(state, free=2)).claims
    later = [item.id for item in await queue.submit(tasks(2))]
    await queue.exchange(state, [ending(claim, "h") for claim in claims], free=0)
    taken = (await queue.exchange(other, free=10)).claims
    assert [claim.id for claim in taken] == [ids[2], ids[0], ids[1], *later]
    assert [claim.attempt for claim in taken] == [1] * 5


async def test_100_claims_and_100_outcomes_are_the_most_of_one_call(queue):
    await queue.submit(tasks(250))
    state = await registered(queue)
    reply = await queue.exchange(state, free=200)
    assert (len(reply.claims), reply.has_more) == (100, True)
    reply = await queue.exchange(state, [ending(claim) for claim in reply.claims], free=100, holding=0)
    assert (len(reply.claims), reply.has_more) == (100, False)
    reply = await queue.exchange(state, [ending(claim) for claim in reply.claims], free=200)
    assert (len(reply.claims), reply.has_more) == (50, False)
    await queue.exchange(state, [ending(claim) for claim in reply.claims], free=0)
    assert (await queue.overview()).counts["completed"] == 250


async def test_a_stale_claim_number_is_lost_and_changes_nothing(queue, store):
    [item] = await queue.submit([task()])
    state = await registered(queue)
    [claim] = (await queue.exchange(state, free=1)).claims
    [again] = (await queue.exchange(state, [ending(claim, "h")], free=1)).claims
    before = store.get(f"{{test:0}}:t:{item.id}")
    assert again.number == 2
    other = await registered(queue)
    reply = await queue.exchange(other, [Outcome(claim.id, 2, "c", "1")], free=0)
    assert reply.lost == [item.id]
    assert store.get(f"{{test:0}}:t:{item.id}") == before


async def test_an_unknown_task_is_lost(queue):
    state = await registered(queue)
    reply = await queue.exchange(state, [Outcome("0" * 27, 1, "c", "1")], free=0)
    assert (reply.state, reply.lost) == ("ok", ["0" * 27])


async def test_an_outcome_that_was_applied_before_is_not_lost(queue):
    [item] = await queue.submit([task()])
    state = await registered(queue)
    [claim] = (await queue.exchange(state, free=1)).claims
    await queue.exchange(state, [ending(claim, "c", "1")], free=0)
    reply = await queue.exchange(state, [ending(claim, "c", "2")], free=0)
    assert reply.lost == []
    assert (await queue.get(item.id)).result == 1


async def test_another_ending_than_the_applied_one_is_lost(queue):
    [item] = await queue.submit([task()])
    state = await registered(queue)
    [claim] = (await queue.exchange(state, free=1)).claims
    await queue.exchange(state, [ending(claim, "c")], free=0)
    reply = await queue.exchange(state, [ending(claim, "x")], free=0)
    assert reply.lost == [item.id]
    assert (await queue.get(item.id)).status is TaskStatus.COMPLETED


async def test_the_same_outcome_twice_in_one_call_counts_once(queue):
    [item] = await queue.submit([task()])
    state = await registered(queue)
    [claim] = (await queue.exchange(state, free=1)).claims
    reply = await queue.exchange(state, [ending(claim, "c", "1"), ending(claim, "c", "2")], free=0)
    assert reply.lost == []
    assert (await queue.get(item.id)).result == 1
    assert (await queue.overview()).counts["completed"] == 1


async def test_a_replay_returns_the_same_claims_and_applies_nothing_twice(queue, store):
    await queue.submit(tasks(10))
    state = await registered(queue)
    first = await queue.exchange(state, free=3)
    kinds = [ending(first.claims[0], "c"), ending(first.claims[1], "f", delay_ms=60_000)]
    outcomes = [*kinds, Outcome("0" * 27, 1, "c", "1")]
    before_the_call = copy.copy(state)
    answered = await queue.exchange(state, outcomes, free=2, holding=1)
    stored = {key: store.dump(key) for key in store.scan_iter()}
    replayed = await queue.exchange(before_the_call, outcomes, free=2, holding=1)
    assert replayed.state == "replay"
    assert {claim.id for claim in replayed.claims} == {claim.id for claim in answered.claims}
    assert [claim.number for claim in replayed.claims] == [2, 2]
    assert replayed.lost == answered.lost == ["0" * 27]
    assert {key: store.dump(key) for key in store.scan_iter()} == stored
    assert before_the_call.number == state.number == 2
    assert before_the_call.lease_until == state.lease_until


async def test_an_older_number_than_the_last_is_stale(queue):
    await queue.submit(tasks(2))
    state = await registered(queue)
    old = copy.copy(state)
    await queue.exchange(state, free=1)
    await queue.exchange(state, free=0, holding=1)
    reply = await queue.exchange(old, free=1)
    assert (reply.state, reply.claims) == ("stale", [])
    assert old.number == 0


async def test_two_workers_never_hold_the_same_task(queue):
    ids = {item.id for item in await queue.submit(tasks(60))}
    states = [await registered(queue), await registered(queue)]
    claimed: list[str] = []
    for _ in range(4):
        for state in states:
            claimed += [claim.id for claim in (await queue.exchange(state, free=10, holding=20)).claims]
    assert len(claimed) == 60
    assert set(claimed) == ids


async def test_queues_are_served_in_the_order_given(queue):
    await queue.submit([task(queue="b", priority=10), task(queue="a", priority=1), task(queue="c")])
    state = await registered(queue, "a", "b")
    reply = await queue.exchange(state, free=10)
    assert [claim.queue for claim in reply.claims] == ["a", "b"]
    assert (await queue.overview()).counts["pending"] == 1


async def test_16_queues_are_served_in_one_call(queue):
    names = [f"q{n}" for n in range(16)]
    await queue.submit([task(queue=name) for name in reversed(names)])
    state = await registered(queue, *names)
    reply = await queue.exchange(state, free=100)
    assert [claim.queue for claim in reply.claims] == names


async def test_no_free_slot_claims_nothing(queue):
    await queue.submit(tasks(1))
    state = await registered(queue)
    assert (await queue.exchange(state, free=0)).claims == []


async def test_due_tasks_are_promoted_by_whoever_exchanges(queue):
    items = await queue.submit([task({"n": n}, delay_seconds=(60 - 5 * n) / 1000) for n in range(10)])
    state = await registered(queue)

    async def all_due():
        return (await queue.overview()).now.timestamp() * 1000 > (
            await queue.get(items[0].id)
        ).run_at.timestamp() * 1000

    await wait_until(all_due, describe="the last task is due")
    reply = await queue.exchange(state, free=10)
    assert [claim.id for claim in reply.claims] == [item.id for item in reversed(items)]


async def test_more_than_100_due_tasks_take_several_calls(queue):
    await queue.submit(tasks(250, delay_seconds=0.001))
    state = await registered(queue)
    await wait_until(lambda: _scheduled_are_due(queue), describe="all are due")
    claims, rounds = [], 0
    while True:
        reply = await queue.exchange(state, [ending(claim) for claim in claims], free=100)
        claims, rounds = reply.claims, rounds + 1
        if not reply.has_more and not claims:
            break
    assert rounds <= 5
    assert (await queue.overview()).counts["completed"] == 250


async def _scheduled_are_due(queue) -> bool:
    page = await queue.list_tasks(limit=1000)
    now = (await queue.overview()).now
    return all(one.run_at < now for one in page.tasks)


async def test_errors_are_kept_of_the_newest_attempts_within_16_kib(queue, store):
    [item] = await queue.submit([task(max_retries=20)])
    state = await registered(queue)
    error = ERROR.replace("null", '"' + "t" * 3000 + '"')
    for _ in range(12):
        [claim] = (await queue.exchange(state, free=1)).claims
        await queue.exchange(state, [ending(claim, "f", error)], free=0)
    assert store.strlen(f"{{test:0}}:t:{item.id}") < 17_000
    attempts = (await queue.get(item.id)).attempts
    assert [one.attempt for one in attempts] == [8, 9, 10, 11, 12]


async def test_a_line_break_in_a_body_does_not_break_the_record(queue):
    [item] = await queue.submit([task()])
    state = await registered(queue)
    [claim] = (await queue.exchange(state, free=1)).claims
    await queue.exchange(state, [ending(claim, "c", '{\n "x": 1\n}')], free=0)
    assert (await queue.get(item.id)).result == {"x": 1}


async def test_more_than_100_outcomes_are_refused_before_the_call(queue):
    state = await registered(queue)
    with pytest.raises(InvalidInput, match="at most 100"):
        await queue.exchange(state, [Outcome("0" * 27, 1, "c", "1")] * 101, free=0)


async def test_a_number_without_memory_of_the_one_before_is_lost(queue):
    state = await registered(queue)
    state.number = 5
    reply = await queue.exchange(state, free=1)
    assert (reply.state, reply.claims) == ("lost", [])
    assert state.number == 5


async def test_a_late_outcome_of_an_earlier_claim_leaves_the_new_one_alone(queue):
    """The same worker gave the task back and has it again; the first attempt's end comes afterwards."""
    [item] = await queue.submit([task()])
    state = await registered(queue)
    [first] = (await queue.exchange(state, free=1)).claims
    [second] = (await queue.exchange(state, [ending(first, "h")], free=1)).claims
    reply = await queue.exchange(state, [ending(first)], free=0, holding=1)
    assert reply.lost == [item.id]
    await queue.leave(state)
    other = await registered(queue)
    reply = await queue.exchange(other, free=1)
    claims = reply.claims or (await queue.exchange(other, free=1)).claims
    assert [claim.id for claim in claims] == [second.id]


@pytest.mark.parametrize(
    "change", [str, lambda body: body.replace("redis.REDIS_VERSION_NUM", "redis.NOT_THERE")]
)
async def test_an_exchange_at_ease_clears_up_if_the_server_knows_how(store, server, change):
    transport = SteppedTcp(server.url, 1_798_761_600_000_000, change)
    queue = TaskQueue(transport, QueueOptions(namespace="test"))
    sizes = []
    try:
        state = await registered(queue)
        for n in range(41):
            assert (await queue.exchange(state, free=1)).state == "ok"
            if n % 4 == 3:
                sizes.append(store.eval("return math.floor(collectgarbage('count'))", 0))
    finally:
        await transport.close()
    grown_kb = max(sizes[1:]) - min(sizes[1:])
    assert grown_kb < 8 if change is str else grown_kb > 40

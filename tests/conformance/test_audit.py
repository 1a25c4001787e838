"""The audit puts right what disagrees, and leaves alone what agrees, however busy it is."""

from __future__ import annotations

import asyncio
import random

import pytest

from shared.jobs import JobFilter, JobKind
from shared.models import Limit, ScheduleSpec, TaskStatus
from shared.queue.feed import KEPT
from tests.conformance.test_bulk import _waiting_of_all_kinds
from tests.conformance.test_operators import die
from tests.conformance.test_random import QUEUES, History
from tests.conftest import QueueFactory
from tests.support.bands import DONE, done_score, ended
from tests.support.factories import ending, registered, task, tasks
from tests.support.invariants import disorder

P = "{test:0}:"
LARGE = {"t": "x" * 20_000}


@pytest.fixture(params=["tcp", "rest"])
def queues(request: pytest.FixtureRequest) -> QueueFactory:
    """One shard: what concerns all queues is one part here. Several, on a cluster too, are in test_shards."""
    factory: QueueFactory = request.getfixturevalue(f"{request.param}_queues")
    return factory


async def audit(queue) -> dict[str, int]:
    """One whole audit; what it repaired."""
    report = await queue.audit(may_go_on=lambda: True)
    assert report.answer == "done"
    return report.repaired


async def until_clean(queue, store) -> dict[str, int]:
    """Audits until one finds nothing; what the first ones repaired, by kind."""
    sums: dict[str, int] = {}
    for _ in range(4):
        found = await audit(queue)
        for kind, number in found.items():
            sums[kind] = sums.get(kind, 0) + number
        if not found:
            wrong = disorder(store)
            assert not wrong, "\n".join(wrong[:20])
            return sums
    raise AssertionError(f"still repairing: {found}")


def _counted(store) -> list[str]:
    """The fields of `queues` that count tasks."""
    return [
        f
        for f in store.hkeys(f"{P}queues")
        if f[-1] not in "!@"
        and f not in ("*:h", "*:v", "*:w", "*:i", "*:t", "*:f")
        and not f.startswith(("*:+", "*:="))
    ]


async def of_everything(queue, store) -> dict[str, list[str]]:
    """Tasks in all places, large bodies, unique keys, groups, a schedule, a bulk operation."""
    ids = await _waiting_of_all_kinds(queue)
    ids["dead"] = [*await die(queue, 3, group="one"), *await die(queue, 2, group="two")]
    [cancelled] = await queue.submit([task(LARGE)])
    await queue.cancel(cancelled.id)
    ids["cancelled"] = [cancelled.id]
    [unique] = await queue.submit([task(LARGE, queue="b", unique_key="k")])
    ids["unique"] = [unique.id]
    state = await registered(queue, "c")
    [big] = await queue.submit([task(LARGE, queue="c")])
    [claim] = (await queue.exchange(state, free=1)).claims
    await queue.exchange(state, [ending(claim, "c", '"' + "y" * 20_000 + '"')], free=0)
    ids["big"] = [big.id]
    await queue.submit(tasks(2, queue="c"))
    ids["held"] = [claim.id for claim in (await queue.exchange(state, free=2)).claims]
    ids["holder"] = [state.name]
    [late] = await queue.submit([task(LARGE, queue="c", delay_seconds=60)])
    ids["late"] = [late.id]
    [parked] = await queue.submit([task(LARGE, queue="c", task_type="rare")])
    await queue.exchange(state, free=1)
    ids["parked large"] = [parked.id]
    # Limits: of each key one runs, the others are parked.
    await queue.limit_keys("d", Limit(concurrency=1), by="ops")
    keyed = await queue.submit([*tasks(5, queue="d", limit_key="k"), *tasks(2, queue="d", limit_key="l")])
    ids["keyed"] = [item.id for item in keyed]
    await queue.exchange(await registered(queue, "d"), free=10)
    now = (await queue.overview()).now
    spec = ScheduleSpec(interval_seconds=3600.0, task=task())
    await queue.save_schedule("hourly", spec, by="ops", now=now)
    ids["job"] = [await queue.begin_job(JobKind.DELETE, JobFilter(task_type="none"), by="ops")]
    await queue.run_job_slice(ids["job"][0], 1, "me")
    ids["job"] = [await queue.begin_job(JobKind.DELETE, JobFilter(task_type="none"), by="ops")]
    assert disorder(store) == []
    return ids


async def test_what_agrees_is_left_alone(queue, store):
    await of_everything(queue, store)
    before = {key: store.dump(key) for key in store.scan_iter()}
    assert await audit(queue) == {}
    after = {key: store.dump(key) for key in store.scan_iter()}
    assert after.keys() - before.keys() == {f"{P}repairs"}
    assert {key: after[key] for key in before} == before
    totals = await queue.audit_totals()
    assert (totals.is_under_way, totals.repaired) == (False, {})
    assert totals.finished_at


def _hold(store, worker: str, change) -> None:
    """Changes what a worker remembers to hold: "<claim>:<id>" each."""
    known, _, held = store.hget(f"{P}queues", f"*:+{worker}").rpartition("|")
    store.hset(f"{P}queues", f"*:+{worker}", f"{known}|{' '.join(change(held.split()))}")


def _without(task_id: str):
    return lambda held: [one for one in held if not one.endswith(f":{task_id}")]


CORRUPTIONS = {
    "pending lost": (lambda s, i: s.delete(f"{P}pending:a"), {"tasks"}),
    "one pending lost": (lambda s, i: s.zrem(f"{P}pending:a", i["pending"][5]), {"tasks"}),
    "parked lost": (lambda s, i: s.delete(f"{P}parked:a:rare"), {"tasks", "counts"}),
    "parking forgotten": (lambda s, i: s.hdel(f"{P}queues", "a:!"), {"controls"}),
    "parked by keys lost": (lambda s, i: s.delete(f"{P}parked:d"), {"tasks", "counts"}),
    "limit counts lost": (lambda s, i: s.delete(f"{P}limits"), {"counts"}),
    "limit counts wrong": (
        lambda s, i: s.hset(f"{P}limits", mapping={"d:k": "0 9", "d:l": "7 7", "d:ghost": "2 2"}),
        {"counts"},
    ),
    "limit keys forgotten": (
        lambda s, i: s.hset(f"{P}queues", "d:!", '{"key":"1 - 0"}'),
        {"controls"},
    ),
    "due ones lost": (
        lambda s, i: s.zrem(f"{P}timers", *[m for m in s.zrange(f"{P}timers", 0, -1) if m.startswith("t:")]),
        {"tasks"},
    ),
    "timers lost": (lambda s, i: s.delete(f"{P}timers"), {"tasks", "leases", "timers"}),
    "done lost": (lambda s, i: s.delete(DONE), {"tasks", "groups"}),
    **{
        f"{letter} lost": (lambda s, i, letter=letter: s.zrem(DONE, *ended(s, letter)), {"tasks"})
        for letter in "CDX"
    },
    "d: timers lost": (lambda s, i: s.zrem(f"{P}timers", "d:C", "d:D", "d:X"), {"timers"}),
    "groups lost": (
        lambda s, i: (s.delete(f"{P}groups"), s.zrem(DONE, "group:one", "group:two")),
        {"groups"},
    ),
    "last deaths lost": (lambda s, i: s.zrem(DONE, "group:one", "group:two"), {"groups"}),
    "another status's band": (
        lambda s, i: s.zadd(
            DONE, {i["dead"][1]: done_score("C", 2**41), i["done"][0]: done_score("D", 2**41)}
        ),
        {"scores"},
    ),
    "the band of groups": (lambda s, i: s.zadd(DONE, {i["cancelled"][0]: 2**41}), {"scores"}),
    "holder forgot": (lambda s, i: _hold(s, i["holder"][0], _without(i["held"][0])), {"tasks"}),
    "holder forgot all": (lambda s, i: s.hdel(f"{P}queues", f"*:+{i['holder'][0]}"), {"tasks"}),
    "holder has no lease": (lambda s, i: s.zrem(f"{P}timers", f"w:{i['holder'][0]}"), {"leases"}),
    "older claim": (
        lambda s, i: _hold(s, i["holder"][0], lambda held: [f"1:{held[0].partition(':')[2]}", *held[1:]]),
        {"tasks"},
    ),
    "records lost": (
        lambda s, i: s.delete(
            *[f"{P}t:{ids[0]}" for name, ids in i.items() if name not in ("holder", "job")]
        ),
        {"strays", "bodies", "unique_keys", "counts"},
    ),
    "all records lost": (
        lambda s, i: s.delete(*s.scan_iter(f"{P}t:*")),
        {"strays", "bodies", "unique_keys", "counts"},
    ),
    "in two places": (
        lambda s, i: (
            s.zadd(f"{P}pending:a", {i["scheduled"][0]: 5, i["done"][0]: 6, i["held"][1]: 7}),
            s.zadd(f"{P}pending:b", {i["pending"][0]: 5}),
            s.zadd(f"{P}timers", {f"t:{i['pending'][1]}:a": 5, f"t:{i['dead'][0]}:default": 5}),
            s.zadd(DONE, {i["pending"][6]: done_score("C", 5), i["held"][0]: done_score("D", 5)}),
            s.zadd(f"{P}parked:a:rare", {i["pending"][2]: 5}),
            _hold(s, i["holder"][0], lambda held: [*held, f"1:{i['pending'][3]}"]),
            s.zadd(f"{P}groups", {f"one:{i['pending'][4]}": 0, f"one:{i['dead'][4]}": 0}),
        ),
        {"strays"},
    ),
    "wrong scores": (
        lambda s, i: (
            s.zadd(f"{P}pending:a", {i["pending"][0]: 5}),
            s.zadd(f"{P}timers", {f"t:{i['scheduled'][0]}:a": 5}),
        ),
        {"scores"},
    ),
    "counts lost": (
        lambda s, i: s.hdel(f"{P}queues", *_counted(s)),
        {"counts"},
    ),
    "counts wrong": (
        lambda s, i: [s.hincrby(f"{P}queues", f, 7) for f in _counted(s)],
        {"counts"},
    ),
    "counts of a ghost": (
        lambda s, i: s.hset(f"{P}queues", mapping={"ghost:R": 5, "ghost:5": 3, "ghost:K": 1, "ghost:C": 2}),
        {"counts"},
    ),
    "bodies alone": (
        lambda s, i: (s.set(f"{P}p:{'0' * 27}", "{}"), s.set(f"{P}o:{i['pending'][0]}", "{}")),
        {"bodies"},
    ),
    "bodies lost": (
        lambda s, i: s.delete(
            *(f"{P}p:{i[name][0]}" for name in ("unique", "big", "cancelled", "late", "parked large")),
            f"{P}o:{i['big'][0]}",
        ),
        {"bodies"},
    ),
    "unique key of nobody": (
        lambda s, i: (
            s.set(f"{P}unique:b:other", "0" * 27),
            s.set(f"{P}unique:b:k2", i["done"][0]),
            s.set(f"{P}unique:b:k3", i["unique"][0]),
        ),
        {"unique_keys"},
    ),
    "unique key lost": (lambda s, i: s.delete(f"{P}unique:b:k"), {"unique_keys"}),
    "schedule without a timer": (lambda s, i: s.zrem(f"{P}timers", "s:hourly"), {"timers"}),
    "bulk operation without a timer": (lambda s, i: s.zrem(f"{P}timers", f"j:{i['job'][0]}"), {"timers"}),
    "bulk operation not listed": (lambda s, i: s.delete(f"{P}jobs"), {"timers"}),
    "a memory of nobody": (lambda s, i: s.hset(f"{P}queues", "*:+ghost", "5||||||"), {"workers"}),
    "handed to nobody": (
        lambda s, i: s.hset(f"{P}queues", "*:=ghost", f"1:{'0' * 27}"),
        {"workers", "strays"},
    ),
    "workers miscounted": (lambda s, i: s.hset(f"{P}queues", "*:w", "7"), {"counts"}),
}


@pytest.mark.parametrize("kind", CORRUPTIONS)
async def test_what_disagrees_is_put_right(queue, store, kind):
    corrupt, kinds = CORRUPTIONS[kind]
    ids = await of_everything(queue, store)
    corrupt(store, ids)
    if kind not in (
        "schedule without a timer",
        "bulk operation without a timer",
        "bulk operation not listed",
    ):
        assert kind in ("wrong scores", "unique key lost", "unique key of nobody",
                        "parking forgotten", "limit keys forgotten") or disorder(store)  # fmt: skip
    found = await until_clean(queue, store)
    assert kinds <= found.keys(), found
    totals = (await queue.audit_totals()).repaired
    assert totals == dict(sorted(found.items()))
    assert store.zscore(f"{P}timers", "s:hourly")
    if kind != "all records lost":
        await _all_of_it_ends(queue, store)


async def _all_of_it_ends(queue, store) -> None:
    """What is put right is as good as new: everything that lives is run to its end."""
    store.zrem(f"{P}timers", "s:hourly")
    store.hdel(f"{P}schedules", "hourly", "hourly:n")
    for member in store.zrange(f"{P}timers", 0, -1):
        if member[:2] in ("t:", "w:"):
            if member[:2] == "t:":
                await queue.edit(member[2:].partition(":")[0], by="test", run_now=True)
            else:
                store.zadd(f"{P}timers", {member: 1})
    state = await registered(queue, "a", "b", "c", "d", "default", types=("noop", "rare"))
    outcomes: list = []
    for _ in range(60):
        reply = await queue.exchange(state, outcomes, free=100)
        outcomes = [ending(claim) for claim in reply.claims]
    counts = (await queue.overview()).counts
    assert {name: counts[name] for name in ("pending", "scheduled", "running", "retrying")} == dict.fromkeys(
        ("pending", "scheduled", "running", "retrying"), 0
    )


async def test_a_task_that_is_taken_back_spends_its_attempt_and_dies_after_the_last(queue, store):
    await queue.submit([task(), task(max_retries=0)])
    state = await registered(queue)
    first, last = [claim.id for claim in (await queue.exchange(state, free=2)).claims]
    _hold(store, state.name, lambda held: [])
    assert (await audit(queue))["tasks"] == 2
    again = await queue.get(first)
    assert (again.status, again.attempt) == (TaskStatus.PENDING, 1)
    assert again.attempts[-1].outcome == "lost"
    assert (await queue.get(last)).status is TaskStatus.DEAD
    assert await until_clean(queue, store) == {}
    cursor = store.xrevrange(f"{P}wakes", count=1)[0][1]
    assert cursor["q"] == "default"


async def test_a_task_whose_payload_is_lost_does_not_start_without_it(queue, store):
    [item] = await queue.submit([task(LARGE)])
    store.delete(f"{P}p:{item.id}")
    await audit(queue)
    lost = await queue.get(item.id)
    assert (lost.status, lost.error.type, lost.payload) == (TaskStatus.DEAD, "PayloadLost", None)
    assert [group.fingerprint for group in await queue.error_groups()] == ["payload-lost.noop"]
    assert await until_clean(queue, store) == {}


async def test_a_late_outcome_of_a_task_that_was_taken_back_is_lost(queue, store):
    await queue.submit([task()])
    state = await registered(queue)
    [claim] = (await queue.exchange(state, free=1)).claims
    _hold(store, state.name, _without(claim.id))
    await audit(queue)
    reply = await queue.exchange(state, [ending(claim)], free=0)
    assert reply.lost == [claim.id]
    assert (await queue.get(claim.id)).status is TaskStatus.PENDING


async def test_it_goes_on_where_it_ended_whoever_calls(queues, store):
    queue, other = queues(), queues()
    await queue.submit(tasks(900))
    store.delete(f"{P}pending:default")
    reports = [await queue.audit(may_go_on=lambda: False)]
    while reports[-1].answer == "more":
        assert (await queue.audit_totals()).is_under_way
        queue, other = other, queue
        reports.append(await queue.audit(may_go_on=lambda: False))
    assert len(reports) > 4
    assert sum(report.repaired.get("tasks", 0) for report in reports) == 900
    assert (await queue.audit(may_go_on=lambda: True, every_s=60)).answer == "fresh"
    assert await until_clean(queue, store) == {}


@pytest.mark.parametrize("text", ["{", "[]", '{"stage": "scan", "of": "another version"}'])
async def test_one_whose_state_cannot_be_read_begins_anew(queues, store, text):
    queue = queues()
    await queue.submit(tasks(3))
    store.delete(f"{P}pending:default")
    store.hset(f"{P}repairs", "state", text)
    assert await until_clean(queue, store) == {"tasks": 3}


async def test_two_at_once_are_not_needed(queues, store):
    queue = queues()
    await queue.submit(tasks(10))
    store.hset(f"{P}repairs", mapping={"runner": "another", "touched": str(store.time()[0] * 1000 + 5000)})
    assert (await queue.audit(may_go_on=lambda: True)).answer == "busy"
    store.hset(f"{P}repairs", "touched", "1")
    assert (await queue.audit(may_go_on=lambda: True)).answer == "done"


async def test_a_busy_count_is_left_to_the_next_audit(queues, store, monkeypatch):
    """What changes while it is summed up is not written: the sum is of no moment."""
    queue = queues()
    await queue.submit(tasks(300, delay_seconds=600))
    [moving] = await queue.submit([task(delay_seconds=600)])
    sum_up = queue._sum_up

    async def busy(keys, state):
        found = await sum_up(keys, state)
        await queue.edit(moving.id, by="test", priority=random.randint(1, 10))
        return found

    with monkeypatch.context() as patched:
        patched.setattr(queue, "_sum_up", busy)
        store.hincrby(f"{P}queues", "default:S", 5)
        store.hincrby(f"{P}queues", "default:C", 5)
        report = await queue.audit(may_go_on=lambda: True)
    assert (report.repaired, report.unsettled) == ({"counts": 1}, 1)
    assert await audit(queue) == {"counts": 1}
    assert disorder(store) == []


async def test_nothing_is_settled_without_the_events_of_meanwhile(queue, store, monkeypatch):
    keyed = task(idempotency_key="k")
    await queue.submit([keyed])
    sum_up = queue._sum_up

    async def trimmed(keys, state):
        found = await sum_up(keys, state)
        store.hset(f"{P}queues", "*:t", KEPT - 1)
        await queue.submit([keyed])
        return found

    with monkeypatch.context() as patched:
        patched.setattr(queue, "_sum_up", trimmed)
        store.hincrby(f"{P}queues", "default:S", 5)
        report = await queue.audit(may_go_on=lambda: True)
    assert report.repaired == {}
    assert report.unsettled > 0
    assert await audit(queue) == {"counts": 1}


async def test_what_is_parked_with_nobody_to_come_gets_somebody(queue, store):
    await queue.limit_keys("default", Limit(concurrency=1), by="ops")
    await queue.submit(tasks(3, limit_key="k"))
    state = await registered(queue)
    [claim] = (await queue.exchange(state, free=5)).claims
    await queue.exchange(state, [ending(claim)], free=0)
    store.hset(f"{P}limits", "default:k", "0 1")
    [moved] = store.zrange(f"{P}pending:default", 0, -1)
    await queue.delete([moved], by="ops")
    store.zrem(f"{P}timers", "r:default:k")
    await audit(queue)
    assert len((await queue.exchange(state, free=5)).claims) == 1


class LimitedHistory(History):
    """Some tasks have limit keys, of which one runs at once."""

    most_calls = None

    async def submit(self) -> None:
        await super().submit()
        keyed = [
            task(queue=self.draw.choice(QUEUES), limit_key=self.draw.choice("kl"), max_retries=1)
            for _ in range(3)
        ]
        self.ids += [item.id for item in await self.queue.submit(keyed)]


async def limited_history(queue, store, seed: int) -> LimitedHistory:
    for name in QUEUES:
        await queue.limit_keys(name, Limit(concurrency=1), by="ops")
    return LimitedHistory(queue, store, seed)


@pytest.mark.parametrize("seed", range(4))
async def test_a_healthy_busy_system_is_left_alone(tcp_queues, store, seed):
    """Producers, workers, dying workers and operators at work while audits go through, one after the other."""
    history = await limited_history(tcp_queues(), store, seed)
    auditor = tcp_queues()
    steps = [history.submit] * 3 + [history.exchange] * 9 + [history.cancel] * 2
    steps += [history.start_worker, history.start_worker, history.kill, history.leave, history.tick]
    found: list[dict] = []
    is_busy = True

    async def keep_auditing() -> None:
        while is_busy:
            found.append(await audit(auditor))

    auditing = asyncio.create_task(keep_auditing())
    for _ in range(250):
        await history.draw.choice(steps)()
    is_busy = False
    await auditing
    assert len(found) > 1
    # A worker that is declared dead before its first exchange leaves a hash behind with that.
    assert not [one for one in found if one.keys() - {"workers"}]
    wrong = disorder(store)
    assert not wrong, "\n".join(wrong[:10])
    await history.finish()


@pytest.mark.parametrize("seed", range(4))
async def test_keys_of_different_ages_come_to_agree(tcp_queues, store, seed):
    """As after a failover: some keys are as they were a while ago, the others as they are now."""
    queue = tcp_queues()
    history = await limited_history(queue, store, seed)
    steps = (
        [history.submit] * 3 + [history.exchange] * 9 + [history.cancel, history.start_worker, history.tick]
    )
    for _ in range(100):
        await history.draw.choice(steps)()
    old = {key: store.dump(key) for key in store.scan_iter()}
    for _ in range(60):
        await history.draw.choice(steps)()
    for key in sorted({*old, *store.scan_iter()}):
        if key.endswith((":wakes", ":events", ":workers")) or history.draw.random() < 0.7:
            continue
        store.delete(key)
        if key in old:
            store.restore(key, 0, old[key])
    await audit(queue)
    # What runs has its payload already, whether the store still has it or not: it is missed when it is taken back.
    for member in store.zrange(f"{P}timers", 0, -1):
        if member.startswith("w:"):
            store.zadd(f"{P}timers", {member: 1})
    while await queue.tick():
        pass
    await until_clean(queue, store)
    state = await registered(queue, *QUEUES, types=("noop", "rare"))
    outcomes: list = []
    for _ in range(300):
        reply = await queue.exchange(state, outcomes, free=50)
        outcomes = [ending(claim) for claim in reply.claims]
    counts = (await queue.overview()).counts
    assert counts["pending"] + counts["scheduled"] + counts["retrying"] == 0

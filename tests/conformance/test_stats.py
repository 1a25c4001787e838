"""Series by the minute: they cost no call, survive the end of a minute, and agree with what was done."""

from __future__ import annotations

import pytest

from shared.errors import InvalidInput
from shared.queue.inspection import SUBMITTED
from shared.queue.statistics import BUCKETS_MS, _quantile
from shared.scripts.build import FOLDER
from tests.support.factories import ending, exchange_all, registered, task, tasks


async def _some_work(queue):
    state = await registered(queue)
    await queue.submit([*tasks(6), *tasks(2, delay_seconds=60)])
    claims = (await queue.exchange(state, free=5)).claims
    ends = [ending(claim, kind, delay_ms=60_000) for claim, kind in zip(claims, "ccfxk", strict=True)]
    await queue.exchange(state, ends, free=0)
    await queue.submit(tasks(3, priority=9))


async def test_what_happened_is_counted(queue):
    await _some_work(queue)
    stats = await queue.stats(2)
    seen = {
        name: sum(getattr(point, name) for point in stats.points)
        for name in ("submitted", "started", "completed", "failed", "retried", "dead", "cancelled")
    }
    assert seen == {
        "submitted": 11,
        "started": 5,
        "completed": 2,
        "failed": 2,
        "retried": 1,
        "dead": 1,
        "cancelled": 1,
    }
    assert stats.wait is not None
    assert 0 <= stats.wait.p50_ms <= stats.wait.p95_ms <= stats.wait.p99_ms
    assert stats.run is not None
    assert len(stats.points) == 2


async def test_levels_go_on_between_the_minutes_that_tell_them(queue, store):
    """Half an hour ago an exchange found 6 pending, left 3 and 3 running; two more pending now, seen by nobody."""
    state = await registered(queue)
    await queue.submit(tasks(6))
    claims = (await queue.exchange(state, free=5)).claims
    await queue.exchange(state, [ending(claim) for claim in claims[:2]], free=0)
    text = store.hget("{test:0}:queues", "*:@")
    assert text.endswith("|default:6:2:0:0:0:0:1:3")
    minute, _, numbers = text.partition(" ")
    store.hdel("{test:0}:queues", "*:@")
    earlier = int(minute) - 30
    store.hset(f"{{test:0}}:stats:{earlier // 60}", str(earlier), numbers)
    await queue.submit(tasks(2))
    points = (await queue.stats(60)).points
    at = {point.at.timestamp() // 60: (point.pending, point.running) for point in points}
    assert [at[earlier - 1], at[earlier], at[earlier + 29], at[int(minute)]] == [
        (0, 0),
        (1, 3),
        (1, 3),
        (3, 3),
    ]


async def test_a_level_that_no_minute_tells_was_as_it_is_now(queue, store):
    await queue.submit(tasks(2))
    await queue.exchange(await registered(queue), free=0)
    store.hdel("{test:0}:queues", "*:@")
    await queue.submit(tasks(3))
    await queue.submit(tasks(1, delay_seconds=60))
    points = (await queue.stats(3)).points
    assert [(point.pending, point.running) for point in points] == [(2, 0), (2, 0), (5, 0)]
    assert {(point.pending, point.running) for point in (await queue.stats_by_hour(3)).points} == {
        (None, None)
    }


async def test_a_minute_stored_without_levels_is_read(queue, store):
    minute = int((await queue.stats(1)).now.timestamp()) // 60 - 1
    store.hset(f"{{test:0}}:stats:{minute // 60}", str(minute), "5 4 3 1 0 0|||default:5:3:1:0")
    assert (await queue.stats(60)).points[-2].submitted == 5


async def test_nothing_is_counted_twice(queue):
    await _some_work(queue)
    state = await registered(queue)
    await queue.exchange(state, free=0)
    await queue.exchange(state, free=1)
    assert sum(point.submitted for point in (await queue.stats(2)).points) == 11
    assert (await queue.overview()).counts["pending"] == 3


async def test_a_minute_that_is_over_moves_to_its_hour(queue, store):
    await _some_work(queue)
    text = store.hget("{test:0}:queues", "*:@")
    minute, _, numbers = text.partition(" ")
    earlier = int(minute) - 30
    store.hset("{test:0}:queues", "*:@", f"{earlier} {numbers}")
    state = await registered(queue)
    await exchange_all(queue, state, free=1)
    key = f"{{test:0}}:stats:{earlier // 60}"
    assert store.hgetall(key) == {str(earlier): numbers}
    assert 90_000 < store.ttl(key) <= 93_600
    points = (await queue.stats(60)).points
    started = {point.at.timestamp() // 60: point.started for point in points if point.started}
    assert started[earlier] == 5
    assert sum(started.values()) == 6


async def test_queues_are_told_apart(queue):
    await _some_work(queue)
    await queue.submit(tasks(2, queue="mail"))
    stats = await queue.stats(2, with_queues=True)
    sums = {
        one.name: tuple(sum(series) for series in (one.submitted, one.ended, one.retried, one.dead))
        for one in stats.queues
    }
    assert sums == {"default": (11, 4, 1, 1), "mail": (2, 0, 0, 0)}
    assert all(len(one.ended) == len(stats.points) == 2 for one in stats.queues)
    assert (await queue.stats(2)).queues is None


async def test_more_queues_than_are_told_apart_are_in_the_sum(queue):
    names = [f"q{n:03}" for n in range(70)]
    state = await registered(queue, *names)
    await queue.submit([task(queue=name) for name in names])
    for first in range(0, 70, 16):
        await queue.exchange(state, free=0, queues=names[first : first + 16])
    stats = await queue.stats(2, with_queues=True)
    assert (len(stats.queues), sum(point.submitted for point in stats.points)) == (64, 70)


def _started_by_hour(stats) -> dict[float, int]:
    """By the hour since 1970 how many started."""
    return {point.at.timestamp() // 3600: point.started for point in stats.points if point.started}


async def test_an_hour_that_is_over_is_summed_up(queue, store):
    await _some_work(queue)
    text = store.hget("{test:0}:queues", "*:@")
    minute, _, numbers = text.partition(" ")
    earlier = (int(minute) // 60 - 30) * 60 + 7
    store.hset(f"{{test:0}}:stats:{earlier // 60}", str(earlier - 1), numbers)
    store.hset("{test:0}:queues", "*:@", f"{earlier} {numbers}")
    state = await registered(queue)
    [claim] = await exchange_all(queue, state, free=1)
    assert (
        _started_by_hour(await queue.stats_by_hour(168))[earlier // 60] == 10
    )  # before it is summed up, too
    await queue.exchange(state, [ending(claim)], free=0)
    hour = earlier // 60
    day = f"{{test:0}}:stats:day:{hour // 24}"
    assert list(store.hgetall(day)) == [str(hour)]
    assert 777_000 < store.ttl(day) <= 777_600
    by_hour = await queue.stats_by_hour(168)
    assert (by_hour.step_seconds, len(by_hour.points), by_hour.queues) == (3600, 168, None)
    assert _started_by_hour(by_hour) == {hour: 10, int(minute) // 60: 1}
    assert by_hour.wait is not None
    assert (await queue.stats_by_hour(24)).points[-1].started == 1
    for hours in (0, 169):
        with pytest.raises(InvalidInput, match="hours"):
            await queue.stats_by_hour(hours)


async def test_submitting_costs_what_it_did(tcp_queues):
    queue = tcp_queues()
    await queue.submit(tasks(2))
    before = queue.calls
    await queue.submit([task()])
    assert queue.calls - before == 5


async def test_how_far_back_is_bounded(queue):
    for minutes in (0, 1441):
        with pytest.raises(InvalidInput, match="minutes"):
            await queue.stats(minutes)


def test_percentiles_are_interpolated():
    merged = [0] * (len(BUCKETS_MS) + 1)
    merged[4] = 100  # 5 to 10 ms
    assert _quantile(merged, 0.5) == 7.5
    merged[len(BUCKETS_MS)] = 900
    assert _quantile(merged, 0.99) == 300_000


def test_both_sides_pack_alike():
    counts = (FOLDER / "lib" / "counts.lua").read_text()
    assert f"local SUBMITTED = {SUBMITTED}" in counts
    stats = (FOLDER / "lib" / "stats.lua").read_text()
    assert f"{{{', '.join(str(bound) for bound in BUCKETS_MS[:-1])}, math.huge}}" in stats

"""Allowances: how fast somebody may submit, decided where the tasks are stored."""

from __future__ import annotations

import pytest
import redis

from shared.errors import IdempotencyConflict, RateExceeded
from shared.queue import Allowance
from shared.rates import Rate, read_rate
from tests.support.factories import task, tasks
from tests.support.queues import WatchedQueue
from tests.support.waiting import wait_until


async def test_so_many_at_once_and_not_one_more(queue: WatchedQueue, store: redis.Redis) -> None:
    web = Allowance("web", Rate(3, 3600))
    for left in (2, 1, 0):
        await queue.submit([task()], allowance=web)
        assert web.left == left
    before = store.dbsize()
    with pytest.raises(RateExceeded) as refusal:
        await queue.submit([task()], allowance=web)
    assert 1190 < (refusal.value.retry_after_s or 0) <= 1200
    assert (refusal.value.count, refusal.value.window_s) == (3, 3600)
    assert store.dbsize() == before
    assert (await queue.overview()).counts["pending"] == 3
    await queue.submit([task()], allowance=Allowance("other", Rate(3, 3600)))
    await queue.submit([task()])


async def test_it_comes_back_evenly(queue: WatchedQueue, store: redis.Redis) -> None:
    web = Allowance("web", Rate(20, 1))
    await queue.submit(tasks(20), allowance=web)

    async def passes() -> bool:
        try:
            await queue.submit([task()], allowance=web)
        except RateExceeded:
            return False
        return True

    await wait_until(passes, describe="one more passes", pause_s=0.01)


async def test_a_batch_passes_when_one_would_and_is_paid_off(queue: WatchedQueue, store: redis.Redis) -> None:
    web = Allowance("web", Rate(10, 3600))
    await queue.submit(tasks(25), allowance=web)
    assert web.left == 0
    with pytest.raises(RateExceeded) as refusal:
        await queue.submit([task()], allowance=web)
    # 25 were taken of 10: 16 intervals of 360 s until the next passes.
    assert 5740 < (refusal.value.retry_after_s or 0) <= 5760


async def test_what_is_stored_already_is_not_refused(queue: WatchedQueue) -> None:
    """A repeat after a lost answer must hear that its task is there."""
    web = Allowance("web", Rate(1, 3600))
    first = await queue.submit([task(idempotency_key="k")], allowance=web)
    assert await queue.submit([task(idempotency_key="k")], allowance=web) == first
    with pytest.raises(IdempotencyConflict):
        await queue.submit([task({"other": 1}, idempotency_key="k")], allowance=web)
    with pytest.raises(RateExceeded):
        await queue.submit([task(idempotency_key="k"), task(idempotency_key="l")], allowance=web)


async def test_an_allowance_is_a_field_beside_the_counts_and_no_count(
    queue: WatchedQueue, store: redis.Redis
) -> None:
    plain = (await queue.submit([task()]), store.keys())[1]
    await queue.submit([task()], allowance=Allowance("web", Rate(1000, 1)))
    assert store.hget("{test:0}:queues", "*:~web").startswith("w")
    assert len(store.keys()) == len(plain) + 1
    overview = await queue.overview()
    assert (overview.counts["pending"], [one.name for one in overview.queues]) == (2, ["default"])
    assert len((await queue.list_tasks()).tasks) == 2


async def test_throttle(queue: WatchedQueue) -> None:
    for _ in range(2):
        await queue.throttle("sign-in", "::1", Rate(2, 60))
    with pytest.raises(RateExceeded, match="sign-ins in 60 s"):
        await queue.throttle("sign-in", "::1", Rate(2, 60))
    await queue.throttle("sign-in", "::2", Rate(2, 60))


@pytest.mark.parametrize("text", ["", "100", "0/s", "-1/s", "1.5/s", "10/week", "10/s/s", "99999999/s", "x"])
def test_what_is_no_rate(text: str) -> None:
    assert read_rate(text) is None


@pytest.mark.parametrize(
    ("text", "rate", "words"),
    [
        ("100/s", Rate(100, 1), "10000 100"),
        (" 6000 / min ", Rate(6000, 60), "10000 6000"),
        ("1/day", Rate(1, 86_400), "86400000000 1"),
        ("9999999/s", Rate(9_999_999, 1), "1 9999999"),
    ],
)
def test_rates(text: str, rate: Rate, words: str) -> None:
    assert read_rate(text) == rate
    assert rate.words == words
    assert read_rate(str(rate)) == rate

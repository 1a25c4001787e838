"""An exchange is bounded in what it may cost; what does not fit must be done all the same, whatever else there is to do."""

from __future__ import annotations

import pytest

from tests.support.factories import ending, registered, task, tasks

EXCHANGES = 12


@pytest.fixture(params=["tcp"])
def queues(request: pytest.FixtureRequest):
    return request.getfixturevalue(f"{request.param}_queues")


async def _work(queue, state, held: dict, kinds: str, free: int = 20) -> None:
    """Exchanges of a busy worker: each hands in all it holds and wants more, and there is more."""
    for number in range(EXCHANGES):
        outcomes = [
            ending(claim, kinds[n % len(kinds)], delay_ms=60_000) for n, claim in enumerate(held.values())
        ]
        held.clear()
        reply = await queue.exchange(state, outcomes, free=free)
        held |= {claim.id: claim for claim in reply.claims}
        assert reply.has_more or held, f"exchange {number} claims nothing"


@pytest.mark.parametrize("retention_s", [3600, 604_800])
@pytest.mark.parametrize("kinds", ["c", "cf", "cx", "cfxksh"])
async def test_what_is_due_is_done_under_load(queues, store, kinds, retention_s):
    """A dead worker is reaped, delayed tasks start, also of a queue that is not served, and what expired goes."""
    queue = queues(retention_s=retention_s, dead_retention_s=retention_s)
    state, gone = await registered(queue), await registered(queue)
    await queue.submit(tasks(3))
    ended, *lost = (await queue.exchange(gone, free=3)).claims
    await queue.exchange(gone, [ending(ended)], free=0, holding=2)
    done = "{test:0}:done"
    [[member, score]] = store.zrange(done, 0, 0, withscores=True)
    store.zadd(done, {member: score - score % 2**44 + 1})
    store.zadd("{test:0}:timers", {f"w:{gone.name}": 1, "d:C": 1})
    later = await queue.submit([task(delay_seconds=0.001, priority=10), task(delay_seconds=0.001, queue="b")])
    await queue.submit(tasks(1000, max_retries=0))
    held: dict = {}
    await _work(queue, state, held, kinds)
    timers = store.zrange("{test:0}:timers", 0, -1)
    assert f"w:{gone.name}" not in timers
    assert not [one for one in timers if any(item.id in one for item in later)]
    assert not store.exists(f"{{test:0}}:t:{ended.id}")
    assert (await queue.get(lost[0].id)).attempts[0].outcome == "lost"

"""Progress and log lines of a running attempt ride along with an exchange."""

from __future__ import annotations

import json

from shared.models import TaskStatus
from shared.queue import Outcome
from tests.support.factories import ending, registered, task


def note(claim, kind: str, *values: dict) -> Outcome:
    return Outcome(claim.id, claim.number, kind, "\x1e".join(json.dumps(value) for value in values))


async def test_progress_is_replaced_and_logs_are_added(queue):
    [item] = await queue.submit([task()])
    state = await registered(queue)
    [claim] = (await queue.exchange(state, free=1)).claims
    half = {"fraction": 0.5, "message": "half"}
    await queue.exchange(
        state, [note(claim, "g", {"fraction": 0.1}), note(claim, "l", {"n": 1})], free=0, holding=1
    )
    await queue.exchange(
        state, [note(claim, "g", half), note(claim, "l", {"n": 2}, {"n": 3})], free=0, holding=1
    )
    stored = await queue.get(item.id)
    assert stored.status is TaskStatus.RUNNING
    assert stored.progress == half
    assert stored.logs == [{"n": 1}, {"n": 2}, {"n": 3}]
    await queue.exchange(state, [note(claim, "l", {"n": 4}), ending(claim)], free=0)
    stored = await queue.get(item.id)
    assert (stored.status, len(stored.logs), stored.progress) == (TaskStatus.COMPLETED, 4, half)


async def test_only_the_newest_log_lines_are_kept(queue):
    [item] = await queue.submit([task()])
    state = await registered(queue)
    [claim] = (await queue.exchange(state, free=1)).claims
    for start in range(0, 90, 30):
        lines = [{"n": n} for n in range(start, start + 30)]
        await queue.exchange(state, [note(claim, "l", *lines)], free=0, holding=1)
    assert [line["n"] for line in (await queue.get(item.id)).logs] == list(range(40, 90))
    await queue.exchange(state, [note(claim, "l", *[{"text": "x" * 1000}] * 20)], free=0, holding=1)
    logs = (await queue.get(item.id)).logs
    assert logs == [{"text": "x" * 1000}] * 8


async def test_notes_of_a_stale_claim_change_nothing(queue):
    [item] = await queue.submit([task()])
    state = await registered(queue)
    [claim] = (await queue.exchange(state, free=1)).claims
    await queue.exchange(state, [ending(claim, "f", delay_ms=60_000)], free=0)
    before = await queue.get(item.id)
    reply = await queue.exchange(state, [note(claim, "g", {"fraction": 1})], free=0)
    assert reply.lost == []
    assert await queue.get(item.id) == before

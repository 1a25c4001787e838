"""Redis calls of tasks that retry, die, wait and are handed back: what exchanges that carry a bit of everything cost."""

from __future__ import annotations

import asyncio
import random
import time

from shared.codec import Claim
from shared.models import TaskSubmission
from tests.benchmarks.measure import fresh_server, open_queue, scaled, show
from tests.support.factories import ending, registered

TASKS = 6_000
SLOTS = (100, 20)
#: Of 20 outcomes; f fails, s comes back later, h is handed back.
KINDS = "c" * 16 + "ffsh"
DELAY_MS = 10


def run() -> None:
    """A worker of 100 slots, and one of 20."""
    figures: dict[str, object] = {}
    for slots in SLOTS:
        calls, most = asyncio.run(_measure(slots))
        figures[f"per 1,000 tasks, {slots} slots"] = calls * 1000
        figures[f"the dearest exchange, {slots} slots"] = most
    show("Redis calls of the worker, tasks of which a fifth retry, die, wait or are handed back", figures)


async def _measure(slots: int) -> tuple[float, float]:
    """Calls per task, and of the dearest exchange."""
    draw, count = random.Random(slots), scaled(TASKS)
    with fresh_server() as (server, _):
        queue = open_queue(server)
        batch = [
            TaskSubmission(
                task_type="noop",
                payload={},
                max_retries=draw.choice((0, 1, 3)),
                delay_seconds=draw.choice((None,) * 9 + (DELAY_MS / 1000,)),
            )
            for _ in range(count)
        ]
        for first in range(0, count, 500):
            await queue.submit(batch[first : first + 500])
        state = await registered(queue)
        calls, most, has_more, left = 0, 0, False, count
        looked_at = 0.0
        held: dict[str, Claim] = {}
        while left:
            # It comes again at once where there is more: then few have ended meanwhile.
            ended = draw.sample(sorted(held), min(draw.randint(0, len(held)), 3 if has_more else len(held)))
            outcomes = [ending(held.pop(one), draw.choice(KINDS), delay_ms=DELAY_MS) for one in ended]
            price, is_due = queue.calls, looked_at + DELAY_MS <= time.monotonic() * 1000
            reply = await queue.exchange(
                state, outcomes, free=slots - len(held), holding=len(held), maintain=is_due
            )
            price, has_more = queue.calls - price, reply.has_more
            calls, most = calls + price, max(most, price)
            looked_at = time.monotonic() * 1000 if is_due else looked_at
            held |= {claim.id: claim for claim in reply.claims}
            if not held and not has_more:
                counts = (await queue.overview()).counts
                left = count - counts["completed"] - counts["dead"]
                await asyncio.sleep(DELAY_MS / 1000)
        await queue.transport.close()
    return calls / count, most

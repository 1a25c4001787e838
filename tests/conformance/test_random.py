"""Random histories: after every few steps each task is in one place and the counts agree; in the end all is done."""

from __future__ import annotations

import copy
import random

import pytest

from shared.errors import Conflict
from tests.support.factories import ending, registered, task
from tests.support.invariants import disorder

QUEUES = ("a", "b")
ENDED = ("completed", "dead", "cancelled")


class History:
    """Producers and workers at random; workers die, answers get lost.

    Attributes:
        most_calls: what one exchange may cost; None where limits come on top.
        types: what a worker knows, one of these.
    """

    most_calls: int | None = 18  # of two queues
    types: tuple[tuple[str, ...], ...] = (("noop",), ("noop", "rare"))

    def __init__(self, queue, store, seed: int) -> None:
        self.queue, self.store, self.draw = queue, store, random.Random(seed)
        self.ids: list[str] = []
        self.workers: list[tuple] = []

    async def submit(self) -> None:
        batch = [
            task(
                {"n": n, "t": "x" * self.draw.choice([0, 0, 20_000])},
                queue=self.draw.choice(QUEUES),
                priority=self.draw.randint(1, 10),
                delay_seconds=self.draw.choice([None, None, 0.001, 0.02]),
                max_retries=self.draw.randint(0, 2),
                task_type=self.draw.choice(["noop", "noop", "rare"]),
                idempotency_key=self.draw.choice([None, f"k{self.draw.randint(0, 30)}"]),
            )
            for n in range(self.draw.randint(1, 12))
        ]
        keyed = {one.idempotency_key: one for one in batch if one.idempotency_key}
        plain = [one for one in batch if not one.idempotency_key]
        bodies = [None] * len(plain) + [{"key": key} for key in keyed]
        self.ids += [item.id for item in await self.queue.submit([*plain, *keyed.values()], bodies=bodies)]

    async def start_worker(self) -> None:
        if len(self.workers) < 4:
            types = self.draw.choice(self.types)
            order = self.draw.choice([QUEUES, QUEUES[::-1], QUEUES[:1]])
            self.workers.append((await registered(self.queue, *order, types=types), {}))

    async def exchange(self) -> None:
        if not self.workers:
            return
        state, held = self.draw.choice(self.workers)
        ended = self.draw.sample(sorted(held), self.draw.randint(0, len(held)))
        outcomes = [
            ending(held.pop(one), self.draw.choice("cccfxksh"), delay_ms=self.draw.choice([0, 5]))
            for one in ended
        ]
        arguments = {
            "free": self.draw.randint(0, 8),
            "holding": len(held),
            "maintain": self.draw.random() < 0.7,
            "want_cursor": self.draw.random() < 0.2,
        }
        if self.draw.random() < 0.3:  # the first answer is lost
            await self.queue.exchange(copy.copy(state), outcomes, **arguments)
        before = self.queue.calls
        reply = await self.queue.exchange(state, outcomes, **arguments)
        calls = self.queue.calls - before
        if self.most_calls and calls > self.most_calls:
            raise AssertionError(
                f"an exchange cost {calls} calls: {arguments}, {[one[2] for one in outcomes]}"
            )
        if reply.state == "lost":
            self.workers = [one for one in self.workers if one[0] is not state]
        held.update({claim.id: claim for claim in reply.claims})

    async def cancel(self) -> None:
        if self.ids:
            try:
                await self.queue.cancel(self.draw.choice(self.ids))
            except Conflict:
                return  # it had ended already

    async def kill(self) -> None:
        """The worker is gone or only late: its lease is over."""
        if self.workers:
            state, _ = chosen = self.draw.choice(self.workers)
            self.store.zadd("{test:0}:timers", {f"w:{state.name}": 1}, xx=True)
            if self.draw.random() < 0.5:
                self.workers.remove(chosen)

    async def leave(self) -> None:
        if self.workers:
            state, _ = self.workers.pop(self.draw.randrange(len(self.workers)))
            await self.queue.leave(state)

    async def tick(self) -> None:
        await self.queue.tick()

    async def finish(self) -> None:
        """One healthy worker that knows everything ends what is left."""
        for state, _ in self.workers:
            await self.queue.leave(state)
        last = await registered(self.queue, *QUEUES, types=("noop", "rare"))
        outcomes: list = []
        for _ in range(2000):
            reply = await self.queue.exchange(last, outcomes, free=50)
            outcomes = [ending(claim) for claim in reply.claims]
            counts = (await self.queue.overview()).counts
            if sum(counts[name] for name in ENDED) == len(set(self.ids)):
                return
        raise AssertionError(f"not everything ends: {counts}")


class KnownHistory(History):
    """Workers know all types: nothing is parked or put back, which may cost a few calls more."""

    most_calls = 14  # of two queues
    types = (("noop", "rare"),)


@pytest.mark.parametrize("kind", [History, KnownHistory])
@pytest.mark.parametrize("seed", range(6))
async def test_no_history_loses_a_task(waiting_queues, store, seed, kind):
    history = kind(waiting_queues(), store, seed)
    steps = [history.submit] * 3 + [history.exchange] * 9 + [history.cancel] * 2
    steps += [history.start_worker, history.start_worker, history.kill, history.leave, history.tick]
    for number in range(250):
        await history.draw.choice(steps)()
        if number % 10 == 9:
            wrong = disorder(store)
            assert not wrong, f"seed {seed}, step {number}:\n" + "\n".join(wrong[:10])
    await history.finish()

"""The slots of a worker, shared by what it does in each shard: nobody waits while a slot is free, none is starved."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable, Sequence
from itertools import count

from shared.queue.exchange import MAX_CLAIMS

#: From twice so many slots on, one exchange fills only half of them: while the server works for one half, the
#: tasks of the other run. With fewer the exchanges would cost more than that brings.
LEAST_HALF = 50


class Slots:
    """All slots of one worker process.

    A share that is alone takes what is free. When others want slots, too, the free ones are dealt out
    one by one to the share that holds least for its weight; among equals to the one that was served
    longest ago.

    Args:
        total: tasks at once.
    """

    def __init__(self, total: int) -> None:
        self.total = total
        self.at_once = total // 2 if total >= 2 * LEAST_HALF else total
        self.shares: list[Share] = []
        self._turns = count(1)
        self._is_offering = False

    def join(self, held: Callable[[], int], offer: Callable[[], None], weight: float = 1.0) -> Share:
        """One more share; `held` counts its running tasks, `offer` tells it of free slots that it wanted."""
        self.shares.append(Share(self, held, offer, weight))
        for share in self.shares:
            share.is_alone = len(self.shares) == 1
        return self.shares[-1]

    @property
    def free(self) -> int:
        """Slots that nobody holds or has asked for."""
        return self.total - sum(share.taken for share in self.shares)

    def next_turn(self) -> int:
        """A number that rises: who was served longest ago has the smallest."""
        return next(self._turns)

    def dealt(self, to: Share, wanting: Sequence[Share]) -> int:
        """How many of the free slots `to` gets when all of `wanting` want them."""
        line = [(share.taken / share.weight, share.turn, n, share) for n, share in enumerate(wanting)]
        heapq.heapify(line)
        dealt: dict[int, int] = {n: 0 for _, _, n, _ in line}
        mine = 0
        for _ in range(self.free):
            _, turn, n, share = line[0]
            dealt[n] += 1
            mine += share is to
            if mine == MAX_CLAIMS:
                break
            heapq.heapreplace(line, ((share.taken + dealt[n]) / share.weight, turn, n, share))
        return mine

    def freed(self) -> None:
        """Tell those that wanted slots, soon: several become free at once."""
        if len(self.shares) > 1 and not self._is_offering:
            self._is_offering = True
            asyncio.get_running_loop().call_soon(self._offer)

    def _offer(self) -> None:
        self._is_offering = False
        wanting = [share for share in self.shares if share.is_hungry]
        for share in wanting:
            if self.dealt(share, wanting):
                share.offer()


class Share:
    """What one shard's tasks have of the slots.

    Attributes:
        weight: its part beside those of others.
        turn: when it was served last.
        is_alone: nobody shares the slots.
        is_hungry: it got all it asked for, or nothing could be asked for: there may be more.
    """

    def __init__(
        self, slots: Slots, held: Callable[[], int], offer: Callable[[], None], weight: float
    ) -> None:
        self._slots = slots
        self._held = held
        self._asked = 0
        self.offer = offer
        self.weight = weight
        self.turn = 0
        self.is_hungry = False
        self.is_alone = True

    @property
    def taken(self) -> int:
        """Slots that its tasks hold, and those it has asked for."""
        return self._held() + self._asked

    def ask(self) -> int:
        """Free slots to ask tasks for; kept for it until `settle`."""
        if self.is_alone:
            return max(0, min(self._slots.total - self._held(), self._slots.at_once))
        rivals = [share for share in self._slots.shares if share.is_hungry and share is not self]
        free = self._slots.free
        self._asked = max(0, self._slots.dealt(self, [self, *rivals]) if rivals else free)
        return self._asked

    def give_up(self) -> None:
        """Let others have what was asked for: the server of this shard does not answer."""
        self._asked = 0
        self._slots.freed()

    def settle(self, claimed: int, *, may_have_more: bool) -> None:
        """The answer is there, its tasks start now: what was not filled is free again."""
        if self.is_alone:
            return
        self._asked = 0
        self.is_hungry = may_have_more
        if claimed:
            self.turn = self._slots.next_turn()
        self._slots.freed()

    def freed(self) -> None:
        """One of its tasks has ended."""
        self._slots.freed()

    @property
    def has_room(self) -> bool:
        """Whether one more task can start now, beside others."""
        return self._slots.free > 0

    def has_more_than(self, count: int) -> bool:
        """Whether slots stay free beside so many tasks that start now: one exchange could not ask for all."""
        return self.is_alone and self._held() + count < self._slots.total

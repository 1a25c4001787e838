"""Slots are shared: none is left free while somebody wants it, and nobody is starved."""

from __future__ import annotations

import asyncio
import random

import pytest

from worker_host.slots import Slots


class Lane:
    """Has work or not, asks and is answered like a lane of a worker."""

    def __init__(self, slots: Slots, backlog: int, weight: float = 1.0) -> None:
        self.held = 0
        self.backlog = backlog
        self.asked = 0
        self.offers = 0
        self.done = 0
        self.share = slots.join(lambda: self.held, self._offered, weight)

    def _offered(self) -> None:
        self.offers += 1

    def ask(self) -> int:
        self.asked = self.share.ask()
        return self.asked

    def answer(self) -> None:
        claimed = min(self.asked, self.backlog)
        self.share.settle(claimed, may_have_more=claimed == self.asked)
        self.backlog -= claimed
        self.held += claimed

    def exchange(self) -> None:
        self.ask()
        self.answer()

    def end(self, count: int = 1) -> None:
        self.held -= count
        self.done += count
        self.share.freed()


async def _settled(*lanes: Lane) -> None:
    """Let the offers be made, and taken, until none is left."""
    for _ in range(100):
        await asyncio.sleep(0)
        offered = [lane for lane in lanes if lane.offers]
        if not offered:
            return
        for lane in offered:
            lane.offers = 0
            lane.exchange()
    raise AssertionError("offers go round without an end")


async def test_alone_it_takes_what_is_free():
    lane = Lane(Slots(10), 1000)
    lane.exchange()
    assert (lane.held, lane.ask()) == (10, 0)
    lane.end(3)
    assert lane.ask() == 3
    assert lane.share.has_room


async def test_from_a_hundred_slots_on_one_exchange_asks_for_half():
    lane = Lane(Slots(101), 1000)
    assert lane.ask() == 50
    assert lane.share.has_more_than(100)
    lane.answer()
    lane.exchange()
    assert lane.ask() == 1
    assert not lane.share.has_more_than(1)
    assert Lane(Slots(99), 1000).ask() == 99


async def test_who_asks_first_may_have_all_and_gives_way_as_its_tasks_end():
    slots = Slots(10)
    first, second = Lane(slots, 1000), Lane(slots, 1000)
    first.exchange()
    second.exchange()
    assert (first.held, second.held) == (10, 0)
    for _ in range(5):
        first.end()
        await _settled(first, second)
    assert (first.held, second.held) == (5, 5)
    for _ in range(20):
        first.end()
        first.exchange()
        await _settled(first, second)
    assert (first.held, second.held) == (5, 5)


async def test_what_one_asks_for_is_not_given_to_another_until_it_is_answered():
    slots = Slots(10)
    first, second = Lane(slots, 4), Lane(slots, 1000)
    assert (first.ask(), second.ask()) == (10, 0)
    first.answer()
    second.answer()
    await _settled(first, second)
    assert (first.held, second.held) == (4, 6)


async def test_weights_are_parts_of_the_slots():
    slots = Slots(12)
    heavy, light = Lane(slots, 1000, weight=5), Lane(slots, 1000, weight=1)
    for lane in (heavy, light):
        lane.exchange()
    for _ in range(200):
        lane = random.Random(_).choice([one for one in (heavy, light) if one.held])
        lane.end()
        lane.exchange()
        await _settled(heavy, light)
    assert (heavy.held, light.held) == (10, 2)


@pytest.mark.parametrize("total", [1, 3, 5])
async def test_with_fewer_slots_than_lanes_they_take_turns(total):
    slots = Slots(total)
    lanes = [Lane(slots, 1000) for _ in range(4)]
    for lane in lanes:
        lane.exchange()
    draw = random.Random(total)
    for _ in range(400):
        lane = draw.choice([one for one in lanes if one.held])
        lane.end()
        lane.exchange()
        await _settled(*lanes)
        assert sum(one.held for one in lanes) == total
    assert min(lane.done for lane in lanes) > 60, [lane.done for lane in lanes]


async def test_a_lane_whose_server_is_away_keeps_no_slots():
    slots = Slots(10)
    first, second = Lane(slots, 0), Lane(slots, 1000)
    assert (first.ask(), second.ask()) == (10, 0)
    second.answer()
    first.share.give_up()
    await _settled(second)
    assert second.held == 10
    assert not first.share.has_room


@pytest.mark.parametrize("seed", range(20))
async def test_no_slot_is_free_while_somebody_wants_it(seed):
    """Exchanges overlap at random; once all is answered and offered, work waits only behind full slots."""
    draw = random.Random(seed)
    slots = Slots(draw.randint(1, 12))
    lanes = [Lane(slots, draw.choice([0, 5, 200]), draw.choice([1.0, 1.0, 4.0])) for _ in range(4)]
    for lane in lanes:
        lane.exchange()
    asking: list[Lane] = []
    for _ in range(300):
        lane = draw.choice(lanes)
        if lane in asking:
            asking.remove(lane)
            lane.answer()
        elif lane.held and draw.random() < 0.5:
            lane.end()
        else:
            asking.append(lane)
            lane.ask()
        if draw.random() < 0.05:
            lane.backlog += 3
            if lane not in asking:
                lane.exchange()
        assert slots.free >= 0
        assert sum(one.held for one in lanes) <= slots.total
        if draw.random() < 0.1:
            while asking:
                asking.pop().answer()
            await _settled(*lanes)
            assert slots.free == 0 or not any(one.backlog for one in lanes)

"""What goes wrong in a chaos run: a plan drawn from the seed, and its execution."""

from __future__ import annotations

import asyncio
import random
import signal
from collections import Counter
from dataclasses import dataclass, field
from time import monotonic
from typing import NamedTuple

from redis.exceptions import RedisError

from tests.chaos.deployment import Store, WorkerSlot
from tests.chaos.proxy import Proxy

KINDS = ("kill", "stop", "proxy", "redis", "flush", "memory", "clock")
_WEIGHTS = {"kill": 4, "stop": 3, "proxy": 8, "redis": 1, "flush": 1, "memory": 1, "clock": 1, "move": 2}
_PROXY_FAULTS = ("cut", "drop", "drop", "drop", "delay", "hole", "half_open")


class Fault(NamedTuple):
    """One thing that goes wrong.

    Attributes:
        at_s: seconds after the beginning.
        kind: one of `KINDS`.
        how: the variant.
        target: number of a worker; the one past the last is the producer's proxy.
        seconds: how long.
        amount: replies, seconds of delay or of the clock.
    """

    at_s: float
    kind: str
    how: str
    target: int
    seconds: float
    amount: float


def plan(seed: int, seconds: float, kinds: list[str], workers: int) -> list[Fault]:
    """The faults of a seed, in order of time; the last ends before `seconds`."""
    draw = random.Random(f"faults {seed}")
    at, faults = 1.5, []
    while kinds:
        at += draw.uniform(0.2, 1.0)
        kind = draw.choices(kinds, [_WEIGHTS[kind] for kind in kinds])[0]
        length, amount, how = draw.uniform(0.3, 4.0), 0.0, ""
        target = draw.randrange(workers + (kind == "proxy"))
        if kind == "kill":
            how = draw.choice(("SIGKILL", "SIGKILL", "SIGKILL", "SIGTERM"))
            length = draw.uniform(0, 1.5)
        elif kind == "proxy":
            how = draw.choice(_PROXY_FAULTS)
            amount = draw.randint(1, 4) if how == "drop" else draw.uniform(0.02, 0.5)
        elif kind == "redis":
            how = draw.choice(("SIGKILL", "SIGTERM"))
            length = draw.uniform(0.1, 3)
        elif kind == "clock":
            amount = draw.choice((-1, 1)) * draw.uniform(0.5, 8)
        if at + length > seconds:
            break
        faults.append(Fault(at, kind, how, target, length, amount))
    return faults


@dataclass
class Faults:
    """Carries a plan out, and puts everything right again at its end.

    Attributes:
        counts: faults carried out, by kind and variant.
        stuck: workers that did not end when they were told to.
        clock_steps: when the server's clock jumped, and by how much.
        store_kills: when the server was killed.
    """

    store: Store
    slots: list[WorkerSlot]
    producer: Proxy
    counts: Counter[str] = field(default_factory=Counter)
    stuck: list[str] = field(default_factory=list)
    clock_steps: list[tuple[float, float]] = field(default_factory=list)
    store_kills: list[float] = field(default_factory=list)
    _clock_s: float = 0.0
    _store_is_ending: asyncio.Lock = field(default_factory=asyncio.Lock)
    _busy: set[int] = field(default_factory=set)

    async def run(self, faults: list[Fault], seconds: float) -> None:
        """Carry out the plan; returns after `seconds`, with everything put right."""
        began = monotonic()
        under_way = []
        for fault in faults:
            await asyncio.sleep(began + fault.at_s - monotonic())
            under_way.append(asyncio.create_task(getattr(self, f"_{fault.kind}")(fault)))
        await asyncio.gather(*under_way)
        await asyncio.sleep(began + seconds - monotonic())
        await self._put_right()

    async def _put_right(self) -> None:
        for proxy in [self.producer, *(slot.proxy for slot in self.slots)]:
            proxy.heal()
        self._step_clock(0)
        await self._config("0")
        for slot in self.slots:
            if not slot.is_alive:
                slot.start()

    async def _kill(self, fault: Fault) -> None:
        slot = self.slots[fault.target]
        if slot.number in self._busy or not slot.is_alive:
            return
        self._busy.add(slot.number)
        self.counts[f"kill {fault.how}"] += 1
        try:
            await slot.end(signal.Signals[fault.how])
        except AssertionError as error:
            self.stuck.append(f"worker {slot.number} after {fault.how}: {error}; {slot.lines[-300:]!r}")
            await slot.end(signal.SIGKILL)
        await asyncio.sleep(fault.seconds)
        slot.start()
        self._busy.discard(slot.number)

    async def _stop(self, fault: Fault) -> None:
        slot = self.slots[fault.target]
        if slot.number in self._busy or not slot.is_alive:
            return
        self._busy.add(slot.number)
        self.counts["stop"] += 1
        slot.pause()
        await asyncio.sleep(fault.seconds)
        slot.resume()
        self._busy.discard(slot.number)

    async def _proxy(self, fault: Fault) -> None:
        proxy = self.producer if fault.target == len(self.slots) else self.slots[fault.target].proxy
        self.counts[f"proxy {fault.how}"] += 1
        if fault.how == "cut":
            proxy.cut()
            return
        if fault.how == "drop":
            proxy.replies_to_drop += int(fault.amount)
            return
        if fault.how == "delay":
            proxy.delay_s = fault.amount
        elif fault.how == "hole":
            proxy.is_black_hole = True
        else:
            proxy.silence()
        await asyncio.sleep(fault.seconds)
        proxy.heal()

    async def _redis(self, fault: Fault) -> None:
        if self._store_is_ending.locked():
            return
        async with self._store_is_ending:
            self.counts[f"redis {fault.how}"] += 1
            if fault.how == "SIGKILL":
                self.store_kills.append(monotonic())
            await self.store.end(signal.Signals[fault.how])
            await asyncio.sleep(fault.seconds)
            await self.store.start()

    async def _flush(self, _: Fault) -> None:
        self.counts["flush"] += 1
        try:
            await self.store.client.script_flush()
        except (RedisError, OSError):
            self.counts["flush"] -= 1

    async def _memory(self, fault: Fault) -> None:
        self.counts["memory"] += 1
        if not await self._config("1mb", tries=1):
            self.counts["memory"] -= 1
            return
        await asyncio.sleep(fault.seconds)
        await self._config("0")

    async def _config(self, maxmemory: str, tries: int = 1000) -> bool:
        for _ in range(tries):
            try:
                await self.store.client.config_set("maxmemory", maxmemory)
            except (RedisError, OSError):
                await asyncio.sleep(0.05)
            else:
                return True
        return False

    async def _clock(self, fault: Fault) -> None:
        if self._clock_s:
            return
        self.counts["clock"] += 1
        self._step_clock(fault.amount)
        await asyncio.sleep(fault.seconds)
        self._step_clock(0)

    def _step_clock(self, offset_s: float) -> None:
        if offset_s != self._clock_s:
            self.clock_steps.append((monotonic(), offset_s - self._clock_s))
            self._clock_s = offset_s
            self.store.set_clock(offset_s)

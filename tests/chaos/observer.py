"""Looks at the store from outside while everything goes wrong: an ended task must never change."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from time import monotonic

import redis.asyncio as redis
from redis.exceptions import RedisError

from tests.chaos.load import Attempted
from tests.support.invariants import PREFIX

ENDED = frozenset("CDX")
PAUSE_S = 0.25
SLICE = 500


@dataclass
class Observer:
    """Polls records and follows events.

    Attributes:
        ended: the record of each ended task as it was first seen.
        ended_at: when that was.
        changed: what an ended task became instead, and when its end had been seen.
        endings: tasks that events say ended, by queue and status.
    """

    client: redis.Redis
    attempted: dict[str, Attempted]
    ended: dict[str, str] = field(default_factory=dict)
    ended_at: dict[str, float] = field(default_factory=dict)
    changed: list[tuple[float, str]] = field(default_factory=list)
    endings: Counter[str] = field(default_factory=Counter)
    last_event: str = "-"
    _again: int = 0

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            with suppress(RedisError, OSError):  # while the store is away the next look will tell
                await self.look()
            await asyncio.sleep(PAUSE_S)

    async def look(self, *, at_all: bool = False) -> None:
        """One look at all tasks that have not ended and at some that have."""
        await self._follow()
        waiting = [task_id for task_id in self.attempted if task_id not in self.ended]
        ended = list(self.ended)
        if not at_all:
            ended = list(islice(ended, self._again, self._again + SLICE))
            self._again = self._again + SLICE if len(ended) == SLICE else 0
        ids = waiting + ended
        for i in range(0, len(ids), SLICE):
            part = ids[i : i + SLICE]
            texts = await self.client.mget([f"{PREFIX}t:{task_id}" for task_id in part])
            for task_id, text in zip(part, texts, strict=True):
                self._see(task_id, text)

    def _see(self, task_id: str, text: str | None) -> None:
        first = self.ended.get(task_id)
        if first is not None and text != first:
            words = f"{task_id} was {first[:90]!r}, became {(text or '')[:90]!r}"
            self.changed.append((self.ended_at[task_id], words))
            del self.ended[task_id]
        elif first is None and text and text[0] in ENDED:
            self.ended[task_id] = text
            self.ended_at[task_id] = monotonic()

    async def _follow(self) -> None:
        while True:
            after = self.last_event if self.last_event == "-" else f"({self.last_event}"
            entries = await self.client.xrange(f"{PREFIX}events", after, "+", count=1000)
            for entry_id, fields in entries:
                self.last_event = entry_id
                for queue, letter, number in re.findall(r"(\S+):(\w):(\d+)", fields["c"]):
                    if letter in ENDED:
                        self.endings[f"{queue}:{letter}"] += int(number)
            if len(entries) < 1000:
                return

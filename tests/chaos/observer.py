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

from shared.ids import shard_of_id
from tests.chaos.load import Attempted
from tests.support.queues import NAMESPACE

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

    client: redis.Redis | redis.RedisCluster
    attempted: dict[str, Attempted]
    ended: dict[str, str] = field(default_factory=dict)
    ended_at: dict[str, float] = field(default_factory=dict)
    changed: list[tuple[float, str]] = field(default_factory=list)
    endings: Counter[str] = field(default_factory=Counter)
    shards: int = 1
    last_events: dict[str, str] = field(default_factory=dict)
    is_over: bool = False
    _again: int = 0

    async def run(self) -> None:
        """Until `is_over`: a cancellation alone can be lost in redis-py, as an error of the store."""
        while not self.is_over:
            with suppress(RedisError, OSError):  # while the store is away the next look will tell
                await self.look()
            await asyncio.sleep(PAUSE_S)

    async def look(self, *, at_all: bool = False) -> None:
        """One look at all tasks that have not ended and at some that have."""
        for shard in range(self.shards):
            await self._follow(f"{{{NAMESPACE}:{shard}}}:events")
        waiting = [task_id for task_id in self.attempted if task_id not in self.ended]
        ended = list(self.ended)
        if not at_all:
            ended = list(islice(ended, self._again, self._again + SLICE))
            self._again = self._again + SLICE if len(ended) == SLICE else 0
        ids = waiting + ended
        for i in range(0, len(ids), SLICE):
            for part in by_shard(ids[i : i + SLICE]):
                texts = await self.client.mget([record_key(task_id) for task_id in part])
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

    async def _follow(self, events: str) -> None:
        while True:
            after = f"({self.last_events[events]}" if events in self.last_events else "-"
            entries = await self.client.xrange(events, after, "+", count=1000)
            for entry_id, fields in entries:
                self.last_events[events] = entry_id
                for queue, letter, number in re.findall(r"(\S+):(\w):(\d+)", fields["c"]):
                    if letter in ENDED:
                        self.endings[f"{queue}:{letter}"] += int(number)
            if len(entries) < 1000:
                return


def record_key(task_id: str) -> str:
    """Where the record of a task is stored."""
    return f"{{{NAMESPACE}:{shard_of_id(task_id)}}}:t:{task_id}"


def by_shard(ids: list[str]) -> list[list[str]]:
    """The same ids, those of each shard together: one command of a cluster names one shard."""
    parts: dict[str, list[str]] = {}
    for task_id in ids:
        parts.setdefault(task_id[0], []).append(task_id)
    return list(parts.values())

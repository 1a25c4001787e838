"""Limits of queues and of limit keys: how many run at once, how often they start; changeable while they run."""

from __future__ import annotations

import math
from typing import NamedTuple
from urllib.parse import quote, unquote

from shared.codec import decode
from shared.errors import InvalidInput
from shared.models import NAME, KeyLimit, Limit, RateLimit, instant
from shared.queue.base import QueueBase, who

#: Without a burst of its own a rate lets start at once what it lets start in so long, seconds.
BURST_S = 0.1
MAX_KEY = 200


class KeyLimitPage(NamedTuple):
    """Limits of a queue, and some of its limit keys.

    Attributes:
        limit: of the queue itself.
        general: of each key that has none of its own.
        keys: that have a limit of their own, run or wait.
        next_cursor: where the next ones begin; None after the last.
    """

    limit: Limit | None
    general: Limit | None
    keys: list[KeyLimit]
    next_cursor: str | None


class Limiting(QueueBase):
    """Operations on limits."""

    async def limit_queue(self, queue: str, limit: Limit | None, *, by: str) -> None:
        """Bound all tasks of a queue together; None lifts the bound."""
        await self._limit(queue, "queue", limit, by)

    async def limit_keys(self, queue: str, limit: Limit | None, *, by: str) -> None:
        """Bound the tasks of each limit key of a queue that has no bound of its own."""
        await self._limit(queue, "keys", limit, by)

    async def limit_key(self, queue: str, key: str, limit: Limit | None, *, by: str) -> None:
        """Bound the tasks of one limit key of a queue, whatever holds for the others.

        Raises:
            Conflict: 1,000 keys of the queue have a limit of their own.
        """
        await self._limit(queue, f"!{_quoted(key)}", limit, by)

    async def key_limit(self, queue: str, key: str) -> KeyLimit:
        """One limit key as it is now; three Redis calls."""
        return (await self._key_limits(queue, _quoted(key), "0")).keys[0]

    async def key_limits(self, queue: str, *, cursor: str = "0") -> KeyLimitPage:
        """A page of the limit keys that have a limit of their own, run or wait; in no order."""
        if not cursor.isascii() or not cursor.isdigit() or len(cursor) > 20:
            raise InvalidInput("cursor", "is none of ours.", "Use next_cursor of the page before, unchanged.")
        return await self._key_limits(queue, "", cursor)

    async def _key_limits(self, queue: str, only: str, cursor: str) -> KeyLimitPage:
        _check_queue(queue)
        keys = self.keys_of_queue(queue)
        _, now_ms, following, control, flat = await self._run(
            "key_limits",
            queues=keys.queues,
            limits=keys.limits,
            rates=keys.rates,
            name=queue,
            only=only,
            cursor=cursor,
        )
        limits = decode(control) if control else {}
        general = limits.get("key")
        found = [_key_limit(queue, flat[i : i + 4], general, now_ms) for i in range(0, len(flat), 4)]
        own, of_keys = (read_limit(limits[name]) if name in limits else None for name in ("limit", "key"))
        return KeyLimitPage(own, of_keys, found, None if following == "0" else following)

    async def _limit(self, queue: str, scope: str, limit: Limit | None, by: str) -> None:
        _check_queue(queue)
        keys = self.keys_of_queue(queue)
        await self._run(
            "limit",
            queues=keys.queues,
            limits=keys.limits,
            timers=keys.timers,
            wakes=keys.wakes,
            prefix=keys.prefix,
            name=queue,
            scope=scope,
            limit=write_limit(limit),
            by=who(by),
        )


def write_limit(limit: Limit | None) -> str:
    """As the scripts take it: most at once, ms between starts, ms of burst; `-` for no bound."""
    if limit is None or (limit.concurrency is None and limit.rate is None):
        return ""
    most = "-" if limit.concurrency is None else str(limit.concurrency)
    if limit.rate is None:
        return f"{most} - 0"
    # A million starts a second, which is no bound to anybody; below, the numbers would run out of digits.
    interval = max(0.001, limit.rate.period_seconds * 1000 / limit.rate.limit)
    burst = limit.rate.burst or max(1, math.ceil(BURST_S * 1000 / interval))
    return f"{most} {interval:.9g} {(burst - 1) * interval:.9g}"


def read_limit(text: str) -> Limit:
    """What `write_limit` wrote; a rate is told by second, or by the time of one start when that is longer."""
    most, interval, slack = text.split(" ")
    rate = None
    if interval != "-":
        gap_ms = float(interval)
        period_s = 1.0 if gap_ms <= 1000 and abs(1000 / gap_ms - round(1000 / gap_ms)) < 1e-6 else 0.0
        rate = RateLimit(
            limit=round(1000 / gap_ms) if period_s else 1,
            period_seconds=period_s or gap_ms / 1000,
            burst=round(float(slack) / gap_ms) + 1,
        )
    return Limit(concurrency=None if most == "-" else int(most), rate=rate)


def _key_limit(queue: str, row: list[str], general: str | None, now_ms: int) -> KeyLimit:
    key, own, state, tat = row
    running, _, parked = (state or "0 0").partition(" ")
    in_force = own or general
    slack = float(in_force.split(" ")[2]) if in_force else 0.0
    held_ms = float(tat) - slack if tat else 0.0
    return KeyLimit(
        queue=queue,
        key=unquote(key),
        limit=read_limit(own) if own else None,
        running=int(running),
        parked=int(parked),
        held_until=instant(held_ms) if held_ms > now_ms else None,
    )


def _quoted(key: str) -> str:
    if not 1 <= len(key) <= MAX_KEY:
        raise InvalidInput("key", f"has {len(key)} characters.", f"Name a limit key of 1 to {MAX_KEY}.")
    return quote(key, safe="")


def _check_queue(queue: str) -> None:
    if not NAME.fullmatch(queue):
        raise InvalidInput(
            "queue", f"{queue[:80]!r} is no queue name.", "Use letters, digits, '.', '_', '-'."
        )

"""The sorted set `done` as the tests read it: see scripts/lib/bands.lua."""

from __future__ import annotations

import redis

DONE = "{test:0}:done"
#: by status letter; the lowest band, 0, is of groups of errors
BANDS = {"C": 1, "X": 2, "D": 3}
BAND_SPAN = 2**44


def band_of(score: float) -> int:
    """The band in which a score lies."""
    return int(score // BAND_SPAN)


def done_score(letter: str, ms: float) -> float:
    """The score of a task that expires at `ms`."""
    return BANDS[letter] * BAND_SPAN + ms


def ended(store: redis.Redis, letter: str) -> dict[str, float]:
    """Tasks of a status and when each expires, ms, in that order."""
    members = store.zrange(DONE, 0, -1, withscores=True)
    return {member: score % BAND_SPAN for member, score in members if band_of(score) == BANDS[letter]}


def expire(store: redis.Redis, letter: str) -> None:
    """Let time pass: all of a status that ended so far is past its time."""
    store.zadd(DONE, dict.fromkeys(ended(store, letter), done_score(letter, 1)))
    store.zadd("{test:0}:timers", {f"d:{letter}": 1})

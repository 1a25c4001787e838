"""Task ids: one character for the shard and 26 of ULID text, 27 in all (each costs memory twice)."""

from __future__ import annotations

import hashlib
import os
import re
import threading
import time
from collections.abc import Callable

#: Crockford's base 32 in lower case; also the alphabet of the shard, so at most 32 shards.
ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
TASK_ID = re.compile(f"[{ALPHABET}]{{27}}")


#: Two characters for each value of 10 bits.
_PAIRS = [high + low for high in ALPHABET for low in ALPHABET]
#: Where those of the 130 bits of 26 characters begin, the most significant first.
_SHIFTS = range(120, -1, -10)


def _text(number: int) -> str:
    """`number` in base 32, 26 characters, most significant first."""
    return "".join([_PAIRS[(number >> shift) & 1023] for shift in _SHIFTS])


class IdGenerator:
    """Rising ids within one process, so that tasks of one batch keep their order.

    Args:
        now_ms: milliseconds since 1970; only uniqueness and order within the process rest on it.
        random_bits: 80 random bits.
    """

    def __init__(
        self,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        random_bits: Callable[[], int] = lambda: int.from_bytes(os.urandom(10), "big"),
    ) -> None:
        self._now_ms = now_ms
        self._random_bits = random_bits
        self._last = 0
        self._lock = threading.Lock()

    def next(self, shard: int = 0) -> str:
        """A new id on `shard` (0 to 31), greater than every id before."""
        with self._lock:
            now_ms = self._now_ms()
            # Within one millisecond, or when the clock steps back, count up instead.
            is_later = now_ms > self._last >> 80
            self._last = (now_ms << 80) | self._random_bits() if is_later else self._last + 1
            return ALPHABET[shard] + _text(self._last)


def derived_id(shard: int, *parts: str) -> str:
    """The id that belongs to `parts` for ever: how an idempotency key finds its task again."""
    digest = hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).digest()
    return ALPHABET[shard] + _text(int.from_bytes(digest[:17], "big") >> 6)


def shard_of_id(task_id: str) -> int:
    """The shard that an id names."""
    return ALPHABET.index(task_id[0])


def is_task_id(text: str) -> bool:
    """Whether `text` has the form of an id."""
    return TASK_ID.fullmatch(text) is not None

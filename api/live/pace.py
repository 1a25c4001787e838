"""How often Redis is asked on behalf of those who watch, where nothing tells us by itself.

Where calls are billed (Upstash), a quiet system is looked at every 36 s: at most 100 calls an hour, and 13 more
for streams that end and are resumed on another instance. While things happen, every 5 s.
"""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import urlsplit

from api.plans import OF_UPSTASH
from shared.settings import RestTarget, TcpTarget

#: An event younger than this means that things happen, seconds.
BUSY_S = 60.0
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class Pace(NamedTuple):
    """Seconds between reads.

    Attributes:
        busy_s: of the feed, while events come.
        idle_s: of the feed, when none has come for a minute.
        first_s: of a task that is waited for: before the second look; each later one half as long again.
        slowest_s: of such a task, at most.
    """

    busy_s: float
    idle_s: float
    first_s: float
    slowest_s: float

    def slowed(self, times: float) -> Pace:
        """The same, so many times slower."""
        return Pace(*(seconds * times for seconds in self))


SAVING = Pace(busy_s=5.0, idle_s=36.0, first_s=0.5, slowest_s=5.0)
FAST = Pace(busy_s=1.0, idle_s=2.0, first_s=0.1, slowest_s=1.0)


def pace_of(target: RestTarget | TcpTarget, wanted: str) -> Pace:
    """The pace for a Redis.

    Args:
        target: where it is.
        wanted: `saving`, `fast`, or `auto`: saving where calls are billed, which is anywhere over REST but
            on this machine, and at Upstash over TCP.
    """
    if wanted != "auto":
        return SAVING if wanted == "saving" else FAST
    host = urlsplit(target.url).hostname or ""
    if isinstance(target, RestTarget):
        return FAST if host in _LOOPBACK else SAVING
    return SAVING if host.endswith(OF_UPSTASH) else FAST

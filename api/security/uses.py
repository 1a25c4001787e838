"""When keys were used last: kept at most once an hour per key and instance, on the way of other calls."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from shared.errors import StoreError
from shared.queue import TaskQueue

_log = logging.getLogger(__name__)
EVERY_S = 3_600.0
#: After a failure nobody waits for another try so soon.
RETRY_S = 60.0


class KeyUses:
    """What an instance has seen and not yet written.

    A submission never pays for it: its uses ride along with the read of the task types. Other requests
    write what waits, in one call.

    Args:
        clock: seconds since 1970.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._next: dict[str, float] = {}
        self._waiting: dict[str, int] = {}

    def note(self, name: str) -> None:
        """A key was used just now."""
        now = self._clock()
        if now >= self._next.get(name, 0.0):
            self._waiting[name] = int(now * 1000)

    def take(self) -> dict[str, int]:
        """What is to be written: name and ms; it is not given out again for an hour."""
        taken, self._waiting = self._waiting, {}
        for name in taken:
            self._next[name] = self._clock() + EVERY_S
        return taken

    def put_back(self, taken: dict[str, int]) -> None:
        """What was taken could not be written."""
        for name in taken:
            self._next[name] = self._clock() + RETRY_S

    async def write(self, queue: TaskQueue) -> None:
        """Write what waits; a failure is logged, as the request itself will meet it too."""
        taken = self.take()
        if not taken:
            return
        try:
            await queue.note_key_uses(taken)
        except StoreError as error:
            self.put_back(taken)
            _log.warning("last use of keys not kept: %s", error.detail)

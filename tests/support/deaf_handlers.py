"""The handlers of tests, in a worker that overhears what is handed over."""

from __future__ import annotations

from tests.support.handlers import *  # noqa: F403  # as the module that the worker is told to load
from worker_host.waiter import Waiter

_read = Waiter.__init__


def _overhearing(self, wait, *args, **named):
    async def deaf(cursor, timeout_ms, *, shard=0):
        entries = await wait(cursor, timeout_ms, shard=shard)
        return [(entry_id, {} if "h" in fields else fields) for entry_id, fields in entries]

    _read(self, deaf, *args, **named)


Waiter.__init__ = _overhearing

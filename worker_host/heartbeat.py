"""The duty that keeps the lease: a thread with a loop and a connection of its own.

Handlers can block the worker's loop; the lease must not depend on it. But a worker that is
blocked for too long must lose its lease: its tasks are not being run. A process that is stopped
stops this thread, too, and loses it rightly.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Protocol

import structlog

from shared.errors import StoreError
from shared.queue import TaskQueue, WorkerState
from worker_host.identity import resident_mb

#: After so long without a turn of the loop its handler is named in the log.
WATCHDOG_S = 3.0
#: Memory is looked at this often, and told when it has changed by this share: a call a change.
MEMORY_S = 300.0
MEMORY_CHANGE = 0.2

log = structlog.get_logger()


class Lease(Protocol):
    """What the heartbeat knows of a worker in one shard."""

    state: WorkerState

    @property
    def is_busy(self) -> bool:
        """Whether it holds tasks."""
        ...

    def server_ms(self) -> float:
        """The server's time now, ms."""
        ...

    def look_soon(self) -> None:
        """Exchange: it was handed a task that it does not know of. Called from the heartbeat's thread."""
        ...

    def set_clock(self, now_ms: int, sent_at: float) -> None:
        """Take the server's time, ms, and when the call was sent that told it, monotonic seconds."""
        ...


class Heartbeat:
    """Renews each lease when no exchange has for a third of it.

    Args:
        open_queue: makes a queue with a connection of its own; called in the thread.
        leases: of this worker, one for each shard, shared with its exchangers.
        blocked_s: a loop that is blocked longer loses the leases.
        now: monotonic seconds.
        memory_mb: what the process takes.
    """

    def __init__(
        self,
        open_queue: Callable[[], TaskQueue],
        leases: Sequence[Lease],
        *,
        blocked_s: float,
        now: Callable[[], float] = monotonic,
        memory_mb: Callable[[], int] = resident_mb,
    ) -> None:
        self._open_queue = open_queue
        self._leases = leases
        self._blocked_s = blocked_s
        self._now = now
        self._memory_mb = memory_mb
        self._told_mb, self._looked_at = memory_mb(), now()
        self._loop_turned = now()
        self._watched_thread = threading.get_ident()
        self._is_reported = False
        self._stop = threading.Event()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._beat()), name="heartbeat", daemon=True
        )

    def start(self) -> None:
        """Start the thread; call from the loop that runs the handlers."""
        self._watched_thread = threading.get_ident()
        self._thread.start()

    def turn(self) -> None:
        """The watched loop calls this about once a second: it is not blocked."""
        self._loop_turned = self._now()
        self._is_reported = False

    @property
    def blocked_for_s(self) -> float:
        """How long the loop has not turned."""
        return self._now() - self._loop_turned

    def stop(self) -> None:
        """End the thread and wait for it."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)

    async def _beat(self) -> None:
        queue = self._open_queue()
        pause_s = min(1.0, min(lease.state.lease_ms for lease in self._leases) / 6000)
        try:
            while not self._stop.is_set():
                await self.run_once(queue)
                # The thread has nothing else to do: blocking its own loop is its way to sleep.
                self._stop.wait(pause_s)
        finally:
            await queue.transport.close()

    async def run_once(self, queue: TaskQueue) -> None:
        """Look at the loop, and renew what it is time for; one shard that hangs delays no other."""
        blocked_s = self.blocked_for_s
        if blocked_s > WATCHDOG_S and not self._is_reported:
            self._is_reported = True
            log.error("a handler blocks the event loop", seconds=round(blocked_s, 1), stack=self._stack())
        if blocked_s <= self._blocked_s:
            await asyncio.gather(*(self._renew(queue, lease) for lease in self._leases if _is_due(lease)))
            await self._tell_memory(queue)

    async def _renew(self, queue: TaskQueue, lease: Lease) -> None:
        try:
            sent_at = self._now()
            is_busy = lease.is_busy
            now_ms = await queue.renew(lease.state, is_idle=not is_busy)
            if now_ms is None:
                log.warning("the lease could not be renewed: it had expired")
                return
            lease.set_clock(now_ms, sent_at)
            if not is_busy and lease.state.lease_until <= now_ms + lease.state.lease_ms:
                lease.look_soon()  # not its presence was renewed, but the lease of what it holds
        except StoreError as error:
            log.warning("the lease could not be renewed", message=str(error))

    async def _tell_memory(self, queue: TaskQueue) -> None:
        if self._now() - self._looked_at < MEMORY_S:
            return
        self._looked_at = self._now()
        memory_mb = self._memory_mb()
        if abs(memory_mb - self._told_mb) < MEMORY_CHANGE * self._told_mb:
            return
        try:
            for lease in self._leases:
                await queue.tell_memory(lease.state, memory_mb)
        except StoreError as error:
            log.warning("memory could not be told", message=str(error))
        else:
            self._told_mb = memory_mb

    def _stack(self) -> str:
        frame = sys._current_frames().get(self._watched_thread)
        return "".join(traceback.format_stack(frame)[-8:]) if frame else ""


def _is_due(lease: Lease) -> bool:
    """Presence and lease are renewed when less than two thirds of a lease are left."""
    remaining_ms = lease.state.lease_until - lease.server_ms()
    return lease.state.lease_until > 0 and remaining_ms < lease.state.lease_ms * 2 / 3

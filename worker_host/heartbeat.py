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
from collections.abc import Callable
from time import monotonic

import structlog

from shared.errors import StoreError
from shared.queue import TaskQueue, WorkerState

#: After so long without a turn of the loop its handler is named in the log.
WATCHDOG_S = 3.0

log = structlog.get_logger()


class Heartbeat:
    """Renews when no exchange has for a third of the lease.

    Args:
        open_queue: makes a queue with a connection of its own; called in the thread.
        state: of this worker, shared with the exchanger.
        is_busy: whether tasks run here.
        server_ms: the server's time now, ms.
        on_renewed: takes the server's time, ms, and when the call was sent, monotonic seconds.
        blocked_s: a loop that is blocked longer loses the lease.
        now: monotonic seconds.
    """

    def __init__(
        self,
        open_queue: Callable[[], TaskQueue],
        state: WorkerState,
        *,
        is_busy: Callable[[], bool],
        server_ms: Callable[[], float],
        on_renewed: Callable[[int, float], None],
        blocked_s: float,
        now: Callable[[], float] = monotonic,
    ) -> None:
        self._open_queue = open_queue
        self.state = state
        self._is_busy = is_busy
        self._server_ms = server_ms
        self._on_renewed = on_renewed
        self._blocked_s = blocked_s
        self._now = now
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
        self._thread.join(timeout=5)

    async def _beat(self) -> None:
        queue = self._open_queue()
        pause_s = min(1.0, self.state.lease_ms / 6000)
        try:
            while not self._stop.is_set():
                await self.run_once(queue)
                # The thread has nothing else to do: blocking its own loop is its way to sleep.
                self._stop.wait(pause_s)
        finally:
            await queue.transport.close()

    async def run_once(self, queue: TaskQueue) -> None:
        """Look at the loop, and renew when it is time."""
        blocked_s = self.blocked_for_s
        if blocked_s > WATCHDOG_S and not self._is_reported:
            self._is_reported = True
            log.error("a handler blocks the event loop", seconds=round(blocked_s, 1), stack=self._stack())
        if blocked_s > self._blocked_s or not self._is_due():
            return
        try:
            sent_at = self._now()
            now_ms = await queue.renew(self.state, is_idle=not self._is_busy())
            if now_ms is None:
                log.warning("the lease could not be renewed: it had expired")
            else:
                self._on_renewed(now_ms, sent_at)
        except StoreError as error:
            log.warning("the lease could not be renewed", message=str(error))

    def _is_due(self) -> bool:
        """Presence and lease are renewed when less than two thirds of a lease are left."""
        remaining_ms = self.state.lease_until - self._server_ms()
        return self.state.lease_until > 0 and remaining_ms < self.state.lease_ms * 2 / 3

    def _stack(self) -> str:
        frame = sys._current_frames().get(self._watched_thread)
        return "".join(traceback.format_stack(frame)[-8:]) if frame else ""

"""The duty that sleeps: waits for wake-ups and for the next due time, and pokes the exchanger.

Wake-ups are read from a stream, from a cursor at which the queues were empty, so none can be
missed; see DESIGN-level notes in `scripts/lib/wakes.lua`.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from time import monotonic

import structlog

from shared.errors import StoreError
from shared.queue import ExchangeReply
from shared.transports.base import WAIT_COUNT
from shared.transports.tcp import MAX_WAIT_S
from worker_host.wake_line import Wait, order_of

log = structlog.get_logger()


class Waiter:
    """Waits on the stream `wakes`, always: a busy worker must hear of a cancellation, too.

    Args:
        wait: `TaskQueue.wait`, or the line to a parent that waits for several processes.
        name: this worker.
        queues: served queues, all of one shard.
        shard: its number.
        poke: asks for an exchange; True when something is due.
        hand_over: takes a task that a submission handed to a worker, as `WorkerState.take_handed`.
        reconnected: asks for an exchange that looks at everything and returns a cursor.
    """

    def __init__(
        self,
        wait: Wait,
        name: str,
        queues: Sequence[str],
        *,
        shard: int = 0,
        poke: Callable[[bool], None],
        hand_over: Callable[[str, str], None],
        reconnected: Callable[[], None],
    ) -> None:
        self._wait = wait
        self.name = name
        self._queues = frozenset(queues)
        self._shard = shard
        self._poke = poke
        self._hand_over = hand_over
        self._reconnected = reconnected
        self._cursor = ""
        self._seen = (0, 0)
        self._due: float | None = None
        self._alarm: asyncio.TimerHandle | None = None
        self._ready = asyncio.Event()
        self.last_heard = monotonic()

    def learn(self, reply: ExchangeReply, sent_at: float) -> None:
        """Take cursor and due time from an exchange; what came before its cursor is known to it."""
        self.last_heard = monotonic()
        if reply.next_due_ms > 0:
            # Counted from before the call was sent: never later than the server's clock says. An earlier
            # alarm stays: it may come from a wake-up newer than this reply that was read before it.
            due = sent_at + (reply.next_due_ms - reply.now_ms) / 1000
            self._set_due(due if self._due is None else min(self._due, due))
        if reply.cursor:
            self._seen = order_of(reply.cursor)
            if not self._ready.is_set():
                self._cursor = reply.cursor
                self._ready.set()

    def forget(self) -> None:
        """The cursor is not to be trusted: wait for the one of the next exchange."""
        self._ready.clear()

    async def run(self) -> None:
        """Wait and poke until cancelled; connects again for ever."""
        backoff = 0.05
        while True:
            await self._ready.wait()
            try:
                await self.run_once()
                backoff = 0.05
            except StoreError as error:
                log.warning("waiting for wake-ups failed", message=str(error), retry_in_s=backoff)
                self.forget()
                await asyncio.sleep(backoff * (0.5 + random.random() / 2))
                backoff = min(backoff * 2, 2.0)
                self._reconnected()

    async def run_once(self) -> None:
        """One wait: ends with a wake-up, or after `MAX_WAIT_S` without one."""
        entries = await self._wait(self._cursor, int(MAX_WAIT_S * 1000), shard=self._shard)
        self.last_heard = monotonic()
        # So many that older ones may have been trimmed.
        is_called, is_handed = len(entries) >= WAIT_COUNT, False
        for entry_id, fields in entries:
            self._cursor = entry_id
            if "h" in fields:
                self._hand_over(fields["h"], fields["r"])
                is_handed = True
            if order_of(entry_id) > self._seen:
                is_called = self._concerns(fields) or is_called
        if is_called:
            self._poke(False)
        if is_called or is_handed:
            # What was handed over starts, and the exchange is sent, before the next wait is: tasks wait for it.
            await asyncio.sleep(0)

    def _set_due(self, due: float | None) -> None:
        """Ring at `due`, monotonic seconds: a server's own block timeouts are up to 0.1 s late."""
        self._due = due
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        if due is not None:
            self._alarm = asyncio.get_running_loop().call_later(
                max(0.0, due - monotonic()) + 0.001, self._ring
            )

    def _ring(self) -> None:
        self._due = self._alarm = None
        self._poke(True)

    def _concerns(self, fields: dict[str, str]) -> bool:
        """Whether an entry is for this worker; notes an earlier due time."""
        is_handed = fields.get("h", "").partition(" ")[0] == self.name
        if "t" in fields and not is_handed:  # else it is the end of our own lease
            self._note_due(int(fields["t"]))
        return fields.get("x") == self.name or not self._queues.isdisjoint(fields.get("q", "").split())

    def _note_due(self, due_ms: int) -> None:
        due = monotonic() + max(0.0, (due_ms - self.server_ms()) / 1000)
        self._set_due(due if self._due is None else min(self._due, due))

    #: the server's time now, ms; set by the worker, which knows the offset
    server_ms: Callable[[], float] = staticmethod(lambda: 0.0)

"""What a worker does in one shard: a lease of its own, exchanges, a waiter, the tasks of its queues there."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

import structlog

from shared.queue import ExchangeReply, TaskQueue, WorkerState
from worker_host.exchanger import Exchanger
from worker_host.executor import Ending, Executor
from worker_host.metrics import Metrics
from worker_host.order import Order
from worker_host.slots import Slots
from worker_host.waiter import Waiter
from worker_host.wake_line import Wait

log = structlog.get_logger()


class Lane:
    """The duties around one lease. Shards may live on servers whose clocks differ, so each has its own.

    Args:
        queue: the engine, over TCP.
        wait: for wake-ups, as `TaskQueue.wait`.
        state: of the worker in this shard.
        new_executor: makes the executor of this shard's tasks; takes `on_outcome`.
        metrics: of the worker.
        slots: of the worker, shared by its lanes.
        weights: of queues, None to keep their order.
    """

    def __init__(
        self,
        queue: TaskQueue,
        wait: Wait,
        state: WorkerState,
        new_executor: Callable[..., Executor],
        metrics: Metrics,
        slots: Slots,
        weights: dict[str, int] | None,
    ) -> None:
        self.state = state
        self.executor = new_executor(on_outcome=self._outcome_ready)
        weight = float(sum(weights[name] for name in state.queues)) if weights else 1.0
        self._share = slots.join(lambda: self.executor.held, self._slots_offered, weight)
        self.exchanger = Exchanger(
            queue,
            state,
            self.executor,
            metrics,
            order=Order(state.queues, weights),
            share=self._share,
            on_reply=self._learn,
        )
        self.waiter = Waiter(
            wait,
            state.name,
            state.queues,
            shard=state.shard,
            poke=self._called,
            hand_over=self.exchanger.hand_over,
            reconnected=self.look_at_everything,
        )
        self.waiter.server_ms = self.server_ms
        self._offset_ms = 0.0
        self.is_registered = False

    def server_ms(self) -> float:
        """The server's time now, ms; never less than it is, as it counts from before a call was sent."""
        return monotonic() * 1000 + self._offset_ms

    def set_clock(self, now_ms: int, sent_at: float) -> None:
        """Take the server's time, ms, from the answer to a call that was sent at `sent_at`."""
        self._offset_ms = now_ms - sent_at * 1000

    @property
    def is_busy(self) -> bool:
        """Whether it holds tasks."""
        return bool(self.executor.held or self.executor.outcomes)

    @property
    def silent_for_s(self) -> float:
        """How long nothing was heard from Redis."""
        return monotonic() - max(self.waiter.last_heard, self.exchanger.last_answer)

    def look_at_everything(self) -> None:
        """Exchange with all queues, and learn where to wait from."""
        self.exchanger.want_cursor = True
        self.exchanger.poke()

    def give_up_late_tasks(self) -> None:
        """Stop what our clock says is ours no more."""
        if self.executor.running and self.server_ms() > self.state.lease_until > 0:
            log.error(
                "the lease ran out unrenewed; running tasks are stopped", tasks=len(self.executor.running)
            )
            self.executor.stop_all(Ending.SHUTDOWN)

    def tell_progress(self) -> None:
        """Progress and logs ride along with exchanges; when none comes for long, one goes for them."""
        since_s = monotonic() - self.exchanger.last_answer
        if self.executor.has_notes and since_s > self.state.lease_ms / 3000:
            self.exchanger.poke()

    def begin(self) -> None:
        """It is registered: for the first time, or by a new name after the old one was reaped."""
        if self.is_registered:
            log.info("registered anew", worker=self.state.name)
        self.is_registered = True
        self.waiter.name = self.state.name
        self.waiter.forget()
        self.exchanger.is_lost.clear()
        self.look_at_everything()

    def drain(self) -> None:
        """Claim no more."""
        self.exchanger.is_draining = True
        if self.is_registered:
            self.exchanger.poke()

    @property
    def is_draining(self) -> bool:
        """Whether it claims no more, by a signal or because an operator asked."""
        return self.exchanger.is_draining or self.exchanger.is_asked_to_drain

    @property
    def has_to_hand_in(self) -> bool:
        """Whether outcomes are left, or tasks may come that are to be handed back."""
        return bool(self.executor.outcomes) or (self.is_registered and self.exchanger.may_bring_tasks)

    def _slots_offered(self) -> None:
        self.exchanger.poke()

    def _outcome_ready(self) -> None:
        self.exchanger.poke()
        if not self._share.is_alone:
            self._share.freed()

    def _learn(self, reply: ExchangeReply, sent_at: float) -> None:
        self.set_clock(reply.now_ms, sent_at)
        self.waiter.learn(reply, sent_at)

    def _called(self, is_due: bool) -> None:
        self.exchanger.is_maintenance_due = self.exchanger.is_maintenance_due or is_due
        self.exchanger.call()

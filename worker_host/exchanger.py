"""The duty that speaks to the queue: one exchange at a time, with all that gathered since the last."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable, Sequence
from itertools import islice
from time import monotonic

import structlog

from shared.codec import Claims
from shared.errors import StoreError
from shared.jobs import read_due_jobs
from shared.models import instant
from shared.queue import ExchangeReply, Outcome, TaskQueue, WorkerState
from shared.queue.exchange import MAX_OUTCOMES
from shared.queue.scheduling import read_due
from worker_host.executor import Ending, Executor
from worker_host.metrics import Metrics
from worker_host.order import Order
from worker_host.slots import Share

#: One call may carry outcomes of at most so many bytes.
MAX_BYTES = 3 * 1024 * 1024
MAX_BACKOFF_S = 2.0

log = structlog.get_logger()


class Exchanger:
    """Exchanges until it is told to stop and nothing is left to hand in.

    Args:
        queue: the engine, over TCP.
        state: of this worker.
        executor: runs what is claimed.
        metrics: counts exchanges.
        order: which queues an exchange looks at.
        share: of the worker's slots.
        on_reply: hears of each answer and when its call was sent.
        server_ms: the server's time now, ms, rather too late than too early.
    """

    def __init__(  # noqa: PLR0913  # what an exchanger is made of, each named
        self,
        queue: TaskQueue,
        state: WorkerState,
        executor: Executor,
        metrics: Metrics,
        *,
        order: Order,
        share: Share,
        on_reply: Callable[[ExchangeReply, float], None],
        server_ms: Callable[[], float],
    ) -> None:
        self._queue = queue
        self.state = state
        self._executor = executor
        self._metrics = metrics
        self._order = order
        self._share = share
        self._is_called = False
        self._on_reply = on_reply
        self._server_ms = server_ms
        self._poke = asyncio.Event()
        self.is_draining = False
        self.is_asked_to_drain = False
        self._handed: deque[tuple[str, str]] = deque()
        self._firing: set[asyncio.Task[None]] = set()
        self.want_cursor = True
        self.is_maintenance_due = True
        self.is_lost = asyncio.Event()
        self.is_exchanging = False
        #: a call is under way that asks for tasks; one that asked for none was answered since this worker drains
        self._is_claiming = self._is_out = False
        self.last_answer = monotonic()
        self._failing_since: float | None = None

    @property
    def failing_for_s(self) -> float:
        """How long exchanges have been failing; 0 when the last one was answered."""
        return monotonic() - self._failing_since if self._failing_since is not None else 0.0

    @property
    def may_bring_tasks(self) -> bool:
        """Whether tasks can still come while it drains: until Redis has answered a call that asked for none."""
        is_over = self._is_out or self.is_lost.is_set()
        return not is_over and (self._is_claiming or not self.failing_for_s)

    def poke(self) -> None:
        """Exchange soon: there is an outcome, or free slots that were wanted."""
        self._poke.set()

    def call(self) -> None:
        """Exchange soon, with all queues: there may be work in any."""
        self._is_called = True
        self._poke.set()

    async def run(self) -> None:
        """Exchange whenever poked, until cancelled."""
        while True:
            await self._poke.wait()
            self._poke.clear()
            self.is_exchanging = True
            if not self.is_lost.is_set() and await self.run_once():
                self._poke.set()
            self.is_exchanging = False
            while self._handed:
                self.hand_over(*self._handed.popleft())

    def hand_over(self, words: str, record: str) -> None:
        """Start a task that a submission handed to this worker; see `WorkerState.take_handed`."""
        if self.is_exchanging:
            self._handed.append((words, record))  # the answer may bring it, too
            return
        if self.is_lost.is_set():
            return
        claims = self.state.take_handed(
            words, record, now_ms=self._server_ms(), is_busy=self._executor.held > 0
        )
        if claims is None:
            return
        if claims:
            self._metrics.handed_over += 1
            self._start(claims, is_soon=False)
        if not claims or self._executor.outcomes:
            self.poke()

    async def run_once(self) -> bool:
        """One exchange, repeated with the same arguments until it is answered; True for: again at once."""
        if self._is_called or self.want_cursor:
            self._is_called = False
            self._order.begin()
        outcomes = self._take_outcomes()
        notes = self._executor.take_notes()[: MAX_OUTCOMES - len(outcomes)]
        is_draining = self.is_draining
        free = 0 if is_draining else self._share.ask()
        self._is_claiming = free > 0
        waiting = len(self._executor.outcomes) - len(outcomes)
        holding = self._executor.held + waiting
        queues, is_first = self._order.current(), self._order.is_first
        sent_at, free, reply = await self._until_answered([*notes, *outcomes], free, holding, queues)
        self._is_claiming, self._is_out = False, is_draining
        if reply.handed and self._executor.knows(reply.handed):
            # Redis has forgotten that it was acknowledged, as after a failover.
            reply = reply._replace(claims=reply.claims.without(reply.handed))
        for _ in outcomes:
            self._executor.outcomes.popleft()
        is_filled = reply.has_more or len(reply.claims) >= free
        if reply.state == "lost":
            self._lose()
            return False
        if reply.state == "replay":
            # Cursor and due time were lost with the first answer; the exchange that follows asks again.
            self.want_cursor = self.is_maintenance_due = True
        if reply.has_more and 0 < reply.next_due_ms <= reply.now_ms:
            self.is_maintenance_due = True  # what is due did not fit
        await self._take(reply, is_filled=is_filled)
        is_left = self._order.looked(is_filled=is_filled) if free else False
        self._on_reply(reply if is_first else reply._replace(cursor=""), sent_at)
        is_half = is_filled and bool(reply.claims) and self._share.has_more_than(len(reply.claims))
        has_work = reply.has_more or is_half or (is_left and len(reply.claims) < free)
        is_more_to_say = bool(self._executor.outcomes) or (has_work and not self.is_draining)
        self._start(reply.claims, is_soon=is_more_to_say)
        # After what was handed over is started: it may be among them.
        for task_id in reply.cancelled:
            self._executor.cancel(task_id)
        return is_more_to_say or bool(self._executor.outcomes)

    async def _until_answered(
        self, outcomes: list[Outcome], free: int, holding: int, queues: Sequence[str]
    ) -> tuple[float, int, ExchangeReply]:
        """When the call was sent that was answered, the slots that it asked for, and the answer."""
        maintain, want_cursor = self.is_maintenance_due or self.want_cursor, self.want_cursor
        # Cleared before the call: what falls due while it is under way needs a call of its own.
        self.is_maintenance_due = self.want_cursor = False
        backoff = 0.05
        while True:
            sent_at = monotonic()
            try:
                reply = await self._queue.exchange(
                    self.state,
                    outcomes,
                    free=free,
                    holding=holding,
                    maintain=maintain,
                    want_cursor=want_cursor,
                    queues=queues,
                )
            except StoreError as error:
                self._metrics.exchange_errors += 1
                self._failing_since = self._failing_since or monotonic()
                log.warning(
                    "exchange failed", error=type(error).__name__, message=str(error), retry_in_s=backoff
                )
                if not self._share.is_alone:
                    # While this server is away its slots serve other shards. If the call was carried out its
                    # replay brings the claims all the same, and what finds no slot is handed back.
                    self._share.give_up()
                    free = 0
                await asyncio.sleep(backoff * (0.5 + random.random() / 2))
                backoff = min(backoff * 2, MAX_BACKOFF_S)
            else:
                self._metrics.exchanges += 1
                self._failing_since, self.last_answer = None, monotonic()
                return sent_at, free, reply

    def _take_outcomes(self) -> list[Outcome]:
        """The next outcomes, as many as one call carries; they leave the line when it is answered."""
        size = 0
        chosen: list[Outcome] = []
        for outcome in islice(self._executor.outcomes, MAX_OUTCOMES):
            size += len(outcome.body)
            if chosen and size > MAX_BYTES:
                break
            chosen.append(outcome)
        return chosen

    async def _take(self, reply: ExchangeReply, *, is_filled: bool) -> None:
        self.is_asked_to_drain = reply.is_draining
        if reply.due:
            self._firing.add(firing := asyncio.create_task(self._fire(reply)))
            firing.add_done_callback(self._firing.discard)
        if reply.lost:
            self._metrics.lost_outcomes += len(reply.lost)
            log.warning("outcomes came too late; the tasks were given to others", task_ids=reply.lost[:20])
        if reply.claims.are_apart:
            await self._load_bodies(reply)
        is_done = self.is_draining or self.is_asked_to_drain
        self._share.settle(len(reply.claims), may_have_more=is_filled and not is_done)

    def _start(self, claims: Claims, *, is_soon: bool) -> None:
        if is_soon and self._share.is_alone and not self.is_draining:
            self._executor.start_soon(claims)
            return
        for claim in claims:
            if self.is_draining or not (self._share.is_alone or self._share.has_room):
                # SIGTERM came while this reply was on its way, or its slots were given up.
                self._executor.outcomes.append(Outcome(claim.id, claim.number, "h"))
            else:
                self._executor.start(claim)

    async def _fire(self, reply: ExchangeReply) -> None:
        """Fire due schedules, do what is due of bulk operations; what fails is handed out again in 10 s."""
        for due in read_due(reply.due):
            try:
                result = await self._queue.fire(due, instant(reply.now_ms))
            except StoreError as error:
                log.warning("a schedule could not be fired yet", schedule=due.id, message=str(error))
            else:
                log.info("schedule", schedule=due.id, result=result)
        for job in read_due_jobs(reply.due):
            try:
                last = await self._queue.work_off(job, may_go_on=lambda: not self.is_draining)
            except StoreError as error:
                log.warning("a bulk operation could not go on yet", job=job.id, message=str(error))
            else:
                log.info("bulk operation", job=job.id, state=last.state if last else "left to others")

    async def _load_bodies(self, reply: ExchangeReply) -> None:
        while True:
            try:
                await self._queue.load_bodies(reply.claims)
            except StoreError as error:
                log.warning("payloads could not be read", message=str(error))
                await asyncio.sleep(0.2)
            else:
                return

    def _lose(self) -> None:
        """The lease expired: what runs here runs elsewhere now."""
        self._metrics.lost_leases += 1
        log.error("the lease expired; running tasks were given to others", tasks=len(self._executor.running))
        self._executor.stop_all(Ending.LOST)
        self._executor.outcomes.clear()
        self._share.settle(0, may_have_more=False)
        self.is_lost.set()

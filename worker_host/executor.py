"""Runs claimed tasks and gathers their outcomes: one asyncio task per attempt, one sweep for timeouts."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable
from enum import StrEnum
from time import monotonic
from typing import TYPE_CHECKING

from shared.codec import Claim, Claims, decode
from shared.queue import Outcome
from shared.sealing import PAYLOAD, Sealer, result_place, unseal
from worker_host.context import Context
from worker_host.metrics import Metrics
from worker_host.outcome import TaskTimeout, completed, failed, hiding_of
from worker_host.registry import Handler, Registry, RunIn
from worker_host.runners import Runners
from worker_host.task_log import TaskLog

if TYPE_CHECKING:
    from worker_host.telemetry import Telemetry

#: How often deadlines are looked at; a timeout is at most this late.
SWEEP_S = 0.1


class Ending(StrEnum):
    """Why the worker itself stops an attempt."""

    TIMEOUT = "timeout"
    """Its time is over: the attempt failed."""
    CANCEL = "cancel"
    """Its cancellation was asked."""
    SHUTDOWN = "shutdown"
    """The worker goes: handed back."""
    LOST = "lost"
    """Its lease is gone: somebody else runs it."""


class Slot:
    """One attempt that runs here; `started` and `deadline` are monotonic seconds."""

    __slots__ = ("claim", "deadline", "ending", "handler", "has_begun", "started", "task")

    def __init__(self, claim: Claim, handler: Handler, started: float, timeout_s: float) -> None:
        self.claim = claim
        self.handler = handler
        self.started = started
        self.deadline = started + timeout_s
        self.ending: Ending | None = None
        self.task: asyncio.Task[None] | None = None
        self.has_begun = False


class Executor:
    """Slots, and the outcomes that wait for the next exchange.

    Args:
        registry: handlers by task type.
        runners: where sync handlers run.
        metrics: counts what ends.
        task_log: one line per ended attempt.
        max_result_bytes: of one result as JSON.
        on_outcome: called when an outcome is ready.
        sealer: decrypts payloads and encrypts results; None when PAYLOAD_KEY is not set.
        uniform: draws from [0, 1) for jitter.
    """

    def __init__(  # noqa: PLR0913  # what an executor is made of, each named
        self,
        registry: Registry,
        runners: Runners,
        metrics: Metrics,
        task_log: TaskLog,
        *,
        max_result_bytes: int,
        on_outcome: Callable[[], None],
        sealer: Sealer | None = None,
        uniform: Callable[[], float] = random.random,
    ) -> None:
        self._registry = registry
        self._runners = runners
        self._metrics = metrics
        self._task_log = task_log
        self._max_result_bytes = max_result_bytes
        self._on_outcome = on_outcome
        #: traces attempts; None where OpenTelemetry is not configured
        self.telemetry: Telemetry | None = None
        self._sealer = sealer
        self._uniform = uniform
        self._sweeper: asyncio.TimerHandle | None = None
        self.running: dict[str, Slot] = {}
        self.outcomes: deque[Outcome] = deque()
        self._coming: deque[Claims] = deque()
        self._notes: dict[str, dict[str, list[str]]] = {}

    def start(self, claim: Claim) -> None:
        """Run a claim; its outcome comes to `outcomes`."""
        handler = self._registry.get(claim.task_type)
        if handler is None:
            # The script parks unknown types; a registry that shrank under us hands back.
            self._settle(Outcome(claim.id, claim.number, "h"))
            return
        timeout_s = handler.timeout_s
        if claim.options:
            timeout_s = decode(claim.options).get("timeout", timeout_s)
        loop = asyncio.get_running_loop()
        slot = Slot(claim, handler, monotonic(), timeout_s)
        self.running[claim.id] = slot
        slot.task = loop.create_task(self._run(slot))
        if self._sweeper is None:
            self._sweeper = loop.call_later(SWEEP_S, self._sweep)

    def start_soon(self, claims: Claims) -> None:
        """Run claims after the exchange that follows at once is sent: the server works while they are read and run."""
        self._coming.append(claims)
        loop = asyncio.get_running_loop()
        loop.call_soon(loop.call_soon, self._start_coming)

    def _start_coming(self) -> None:
        while self._coming:
            for claim in self._coming.popleft():
                self.start(claim)

    @property
    def held(self) -> int:
        """Attempts that run here or are about to."""
        return len(self.running) + sum(len(claims) for claims in self._coming)

    def knows(self, task_id: str) -> bool:
        """Whether a task runs here, is about to, or has an outcome that is not handed in."""
        coming = (claim.id for claims in self._coming for claim in claims)
        ended = (outcome.task_id for outcome in self.outcomes)
        return task_id in self.running or task_id in coming or task_id in ended

    async def _run(self, slot: Slot) -> None:
        """One attempt from payload to outcome; whatever happens, the slot is freed."""
        claim, handler = slot.claim, slot.handler
        outcome: Outcome | None
        telemetry = self.telemetry
        span = telemetry.started(claim) if telemetry is not None else None
        slot.has_begun = True
        try:
            if slot.ending is not None:
                raise asyncio.CancelledError  # noqa: TRY301  # stopped before it began
            claim.payload = unseal(self._sealer, claim.payload, PAYLOAD)
            if handler.run_in is RunIn.PROCESS:
                result = await self._runners.process(handler, claim, self._note_of(claim, handler))
            else:
                arguments = self._arguments(handler, claim)
                if handler.run_in is RunIn.LOOP:
                    result = await handler.function(*arguments)
                else:
                    result = await self._runners.thread(handler, arguments)
            outcome = self._sealed(completed(claim, result, self._max_result_bytes))
        except asyncio.CancelledError as error:
            outcome = self._stopped(slot, error)
        except (
            BaseException
        ) as error:  # SystemExit of a handler, too, is its task's outcome, not the worker's end
            outcome = failed(claim, handler, error, self._uniform)
        if self.running.get(claim.id) is slot:
            if claim.id in self._notes:
                self._notes_before_end(slot)
            del self.running[claim.id]
        if telemetry is not None and span is not None:
            telemetry.ended(span, claim, outcome, monotonic() - slot.started)
        if outcome is not None:
            elapsed = monotonic() - slot.started
            self._metrics.ended(claim.task_type, outcome.kind, elapsed)
            self._task_log.ended(claim, outcome, elapsed)
            self._settle(outcome)

    def _sealed(self, outcome: Outcome) -> Outcome:
        if self._sealer is None:
            return outcome
        return outcome._replace(body=self._sealer.seal(outcome.body, result_place(outcome.task_id)))

    def _notes_before_end(self, slot: Slot) -> None:
        """The last notes of an attempt go before its outcome, in the same exchange."""
        for kind, bodies in self._notes.pop(slot.claim.id).items():
            if bodies and slot.ending is not Ending.LOST:
                self.outcomes.append(Outcome(slot.claim.id, slot.claim.number, kind, "\x1e".join(bodies)))

    def _note_of(self, claim: Claim, handler: Handler) -> Callable[[str, str], None]:
        """Takes the notes of one attempt, without its secrets; called from whatever thread its handler runs in."""
        hide = hiding_of(claim, handler)

        def note(kind: str, text: str) -> None:
            if claim.id in self.running:
                body = hide(text)
                kept = self._notes.setdefault(claim.id, {"g": [], "l": []})[kind]
                kept[:] = [body] if kind == "g" else [*kept[-49:], body]

        return note

    def take_notes(self) -> list[Outcome]:
        """Progress and logs since the last call, as what an exchange carries; of tasks that still run."""
        taken, self._notes = self._notes, {}
        notes = []
        for task_id, kinds in taken.items():
            slot = self.running.get(task_id)
            for kind, bodies in kinds.items():
                if slot is not None and bodies:
                    notes.append(Outcome(task_id, slot.claim.number, kind, "\x1e".join(bodies)))
        return notes

    @property
    def has_notes(self) -> bool:
        """Whether progress or logs wait for an exchange."""
        return bool(self._notes)

    def _arguments(self, handler: Handler, claim: Claim) -> tuple[object, ...]:
        payload = decode(claim.payload) if handler.payload is None else handler.read_payload(claim.payload)
        return (
            (payload, context_of(claim, self._note_of(claim, handler)))
            if handler.takes_context
            else (payload,)
        )

    def _stopped(self, slot: Slot, error: asyncio.CancelledError) -> Outcome | None:
        claim = slot.claim
        if slot.ending is Ending.CANCEL:
            return Outcome(claim.id, claim.number, "k")
        if slot.ending is Ending.SHUTDOWN:
            return Outcome(claim.id, claim.number, "h")
        if slot.ending is Ending.LOST:
            return None
        cause: BaseException = error
        if slot.ending is Ending.TIMEOUT:
            cause = TaskTimeout(
                f"the attempt ran longer than its timeout of {slot.deadline - slot.started:g} s"
            )
        return failed(claim, slot.handler, cause, self._uniform)

    def _settle(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)
        self._on_outcome()

    def _sweep(self) -> None:
        """Stop what is over its time; sleeps when nothing runs."""
        self._sweeper = None
        now = monotonic()
        for slot in list(self.running.values()):
            if now >= slot.deadline and slot.ending is None:
                self._stop(slot, Ending.TIMEOUT)
        if self.running:
            self._sweeper = asyncio.get_running_loop().call_later(SWEEP_S, self._sweep)

    def _stop(self, slot: Slot, ending: Ending) -> None:
        slot.ending = ending
        # A task that is cancelled before its first step would never tell its outcome.
        if slot.task is not None and slot.has_begun:
            slot.task.cancel()

    def cancel(self, task_id: str) -> None:
        """Stop an attempt because its cancellation was asked; an unknown id has ended already."""
        self._start_coming()
        slot = self.running.get(task_id)
        if slot is not None and slot.ending is None:
            self._stop(slot, Ending.CANCEL)

    def stop_all(self, ending: Ending) -> None:
        """Stop everything that runs; with `LOST` its slots are free at once."""
        if ending is Ending.LOST:
            self._coming.clear()
        self._start_coming()
        for slot in list(self.running.values()):
            self._stop(slot, ending)
            if ending is Ending.LOST:
                del self.running[slot.claim.id]


def context_of(claim: Claim, note: Callable[[str, str], None]) -> Context:
    """What the handler of a claim is told."""
    return Context(
        claim.id, claim.task_type, claim.queue, claim.attempt, claim.max_retries, claim.traceparent, note
    )

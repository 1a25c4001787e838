"""One worker process: composes the duties, starts and stops them in order. The duties do the work."""

from __future__ import annotations

import asyncio
import contextlib
from time import monotonic
from typing import Any

import structlog

from shared.codec import encode
from shared.errors import StoreError, StoreRefused, StoreUnavailable
from shared.queue import ExchangeReply, QueueOptions, TaskQueue, WorkerState
from shared.settings import tcp_target
from shared.transports.tcp import MAX_WAIT_S, TcpTransport
from worker_host.exchanger import Exchanger
from worker_host.executor import Ending, Executor
from worker_host.heartbeat import Heartbeat
from worker_host.identity import description, new_name
from worker_host.metrics import Metrics
from worker_host.probes import Probes
from worker_host.registry import Registry
from worker_host.runners import Runners
from worker_host.settings import WorkerSettings
from worker_host.task_log import TaskLog
from worker_host.waiter import Waiter

#: How often the loop shows that it turns, and looks at its own lease.
TURN_S = 0.25
REGISTER_RETRY_S = 1.0
CLOSE_S = 5.0
#: Unhealthy after so long without a working connection.
FAILING_S = 10.0

log = structlog.get_logger()


class Worker:
    """The duties of one process around one lease.

    Args:
        settings: of this worker.
        registry: the handlers it knows.
        modules: handler modules, for child processes.
        is_json: whether log lines are JSON.
    """

    def __init__(
        self, settings: WorkerSettings, registry: Registry, modules: list[str], *, is_json: bool
    ) -> None:
        self._settings = settings
        self._registry = registry
        self._queues = settings.queue_names
        self.queue = self._open_queue()
        self.metrics = Metrics()
        self._state = self._new_state()
        self._runners = Runners(
            threads=settings.concurrency,
            children=min(settings.process_slots, settings.concurrency),
            modules=modules,
            memory_mb=settings.process_memory_mb,
        )
        task_log = TaskLog(is_json=is_json, is_on=settings.log_level.lower() in ("debug", "info"))
        self._executor = Executor(
            registry,
            self._runners,
            self.metrics,
            task_log,
            max_result_bytes=settings.max_result_bytes,
            on_outcome=self._outcome_ready,
        )
        self._exchanger = Exchanger(
            self.queue,
            self._state,
            self._executor,
            self.metrics,
            slots=settings.concurrency,
            on_reply=self._learn,
        )
        self._waiter = Waiter(
            self.queue,
            self._state.name,
            self._queues,
            poke=self._called,
            reconnected=self._look_at_everything,
        )
        self._waiter.server_ms = self.server_ms
        self._heartbeat = Heartbeat(
            self._open_queue,
            self._state,
            is_busy=lambda: bool(self._executor.running or self._executor.outcomes),
            server_ms=self.server_ms,
            on_renewed=self._set_clock,
            blocked_s=settings.blocked_seconds,
        )
        self._probes = Probes(settings.health_host, settings.health_port, self.health, self.metrics)
        self._offset_ms = 0.0
        self._stop = asyncio.Event()
        self.is_restart_asked = False
        self.metrics.gauges = {
            "dtq_running_tasks": lambda: len(self._executor.running),
            "dtq_slots": lambda: settings.concurrency,
            "dtq_redis_calls": lambda: self.queue.calls,
        }

    def _open_queue(self) -> TaskQueue:
        lease_s = self._settings.lease_seconds
        transport = TcpTransport(
            tcp_target(self._settings), attempts=1, socket_timeout_s=max(0.5, min(5.0, lease_s / 3))
        )
        options = QueueOptions(
            namespace=self._settings.namespace,
            retention_s=self._settings.retention_seconds,
            keep=self._settings.retention_count,
        )
        return TaskQueue(transport, options)

    def _outcome_ready(self) -> None:
        self._exchanger.poke()

    def _new_state(self) -> WorkerState:
        types = sorted(handler.task_type for handler in self._registry)
        return WorkerState(new_name(), self._queues, types, int(self._settings.lease_seconds * 1000))

    def server_ms(self) -> float:
        """The server's time now, ms; never less than it is, as it counts from before a call was sent."""
        return monotonic() * 1000 + self._offset_ms

    def stop(self) -> None:
        """Begin the graceful end."""
        self._stop.set()

    async def run(self) -> None:
        """Register, work until `stop`, drain, leave.

        Raises:
            StoreRefused: Redis refuses the password or the rights at the start.
        """
        if not await self._register():
            await self._runners.close()
            await self.queue.transport.close()
            return
        self._probes.start()
        self._heartbeat.start()
        log.info(
            "worker ready", worker=self._state.name, queues=self._queues, types=list(self._state.types),
            slots=self._settings.concurrency,
        )  # fmt: skip
        duties = [asyncio.create_task(duty()) for duty in (self._exchanger.run, self._waiter.run, self._turn)]
        self._exchanger.poke()
        stopping = asyncio.create_task(self._stop.wait())
        done, _ = await asyncio.wait([stopping, *duties], return_when=asyncio.FIRST_COMPLETED)
        try:
            if stopping not in done:
                # A duty never ends by itself: what ended it is a defect and ends the process.
                await done.pop()
            await self._drain()
        finally:
            await self._close(duties)

    async def _register(self) -> bool:
        """Try until Redis has taken it; False when a stop came first."""
        types = {handler.task_type: encode(handler.description(), "types") for handler in self._registry}
        text = description(
            self._registry, self._queues, self._settings.concurrency, self._settings.lease_seconds
        )
        while not self._stop.is_set():
            try:
                await self.queue.register(self._state, text, types)
            except StoreError as error:
                if isinstance(error, StoreRefused) and "256 workers" not in error.detail:
                    raise
                is_away = isinstance(error, StoreUnavailable)
                event = "Redis cannot be reached yet" if is_away else "cannot register yet"
                log.warning(event, message=error.detail, retry_in_s=REGISTER_RETRY_S)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stop.wait(), REGISTER_RETRY_S)
            else:
                return True
        return False

    def _learn(self, reply: ExchangeReply, sent_at: float) -> None:
        self._set_clock(reply.now_ms, sent_at)
        self._waiter.learn(reply, sent_at)

    def _set_clock(self, now_ms: int, sent_at: float) -> None:
        self._offset_ms = now_ms - sent_at * 1000

    def _called(self, is_due: bool) -> None:
        self._exchanger.is_maintenance_due = self._exchanger.is_maintenance_due or is_due
        self._exchanger.poke()

    def _look_at_everything(self) -> None:
        self._exchanger.want_cursor = True
        self._exchanger.poke()

    async def _turn(self) -> None:
        """Show that the loop turns; give up what our clock says is ours no more; begin anew when lost."""
        while True:
            self._heartbeat.turn()
            if self._exchanger.is_lost.is_set():
                await self._begin_anew()
            elif self._executor.running and self.server_ms() > self._state.lease_until > 0:
                log.error(
                    "the lease ran out unrenewed; running tasks are stopped",
                    tasks=len(self._executor.running),
                )
                self._executor.stop_all(Ending.SHUTDOWN)
            self._tell_progress()
            await asyncio.sleep(TURN_S)

    def _tell_progress(self) -> None:
        """Progress and logs ride along with exchanges; when none comes for long, one goes for them."""
        since_s = monotonic() - self._exchanger.last_answer
        if self._executor.has_notes and since_s > self._settings.lease_seconds / 3:
            self._exchanger.poke()

    async def _begin_anew(self) -> None:
        """A new name and an empty lease, after the old one was reaped."""
        fresh = self._new_state()
        self._state.name, self._state.number, self._state.lease_until = fresh.name, 0, 0
        if not await self._register():
            return
        self._waiter.name = fresh.name
        self._waiter.forget()
        self._exchanger.is_lost.clear()
        log.info("registered anew", worker=fresh.name)
        self._look_at_everything()

    async def _drain(self) -> None:
        """Claim no more, let tasks finish within the grace period, hand back the rest."""
        self._exchanger.is_draining = True
        self._exchanger.poke()
        log.info("stopping", running=len(self._executor.running), grace_s=self._settings.grace_seconds)
        deadline = monotonic() + self._settings.grace_seconds
        while self._executor.running and monotonic() < deadline:
            await self._some_ended(deadline - monotonic())
        if self._executor.running:
            log.warning("handing back what did not finish", tasks=len(self._executor.running))
            self._executor.stop_all(Ending.SHUTDOWN)
            await self._some_ended(1.0)
        give_up = monotonic() + min(10.0, self._settings.lease_seconds)
        while (self._executor.outcomes or self._exchanger.is_exchanging) and monotonic() < give_up:
            self._exchanger.poke()
            await asyncio.sleep(0.01)

    async def _some_ended(self, timeout_s: float) -> None:
        tasks = [slot.task for slot in self._executor.running.values() if slot.task]
        await asyncio.wait(tasks, timeout=timeout_s)

    async def _close(self, duties: list[asyncio.Task[None]]) -> None:
        """End the duties; the connections are closed last, so that no call is cut off."""
        for duty in duties:
            duty.cancel()
        tasks = [slot.task for slot in self._executor.running.values() if slot.task]
        if tasks:
            # A duty failed: nothing may run here any more when others are told to take it.
            self._executor.stop_all(Ending.LOST)
            await asyncio.wait(tasks, timeout=1.0)
        self._heartbeat.stop()
        self._probes.stop()
        await self._runners.close()
        try:
            held = await self.queue.leave(self._state)
            log.info("stopped", worker=self._state.name, tasks_left_to_others=held)
        except StoreError as error:
            log.warning("left without a goodbye; the lease will expire", message=error.detail)
        with contextlib.suppress(TimeoutError):
            # A call that hangs in a dead connection must not keep the process.
            await asyncio.wait_for(self.queue.transport.close(), CLOSE_S)
        await asyncio.gather(*duties, return_exceptions=True)

    def health(self) -> tuple[bool, dict[str, Any]]:
        """Whether this worker does its job: heard from Redis lately, and its loop turns."""
        silent_s = monotonic() - max(self._waiter.last_heard, self._exchanger.last_answer)
        failing_s = self._exchanger.failing_for_s
        blocked_s = self._heartbeat.blocked_for_s
        is_well = (
            silent_s < MAX_WAIT_S + 15
            and failing_s < FAILING_S
            and blocked_s < self._settings.blocked_seconds
        )
        return is_well, {
            "worker": self._state.name,
            "running": len(self._executor.running),
            "slots": self._settings.concurrency,
            "draining": self._exchanger.is_draining or self._exchanger.is_asked_to_drain,
            "silent_seconds": round(silent_s, 1),
            "failing_seconds": round(failing_s, 1),
            "blocked_seconds": round(max(0.0, blocked_s - TURN_S), 1),
        }

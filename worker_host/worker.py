"""One worker process: composes the duties, starts and stops them in order. The duties do the work."""

from __future__ import annotations

import asyncio
import contextlib
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any

import structlog

from shared.errors import StoreError
from shared.sealing import read_sealer
from shared.spending import Meter
from shared.transports.tcp import MAX_WAIT_S
from worker_host.auditor import Auditor
from worker_host.engine import open_queue
from worker_host.executor import Ending, Executor
from worker_host.expenses import Expenses
from worker_host.heartbeat import Heartbeat
from worker_host.identity import new_name
from worker_host.lane import Lane
from worker_host.metrics import Metrics
from worker_host.probes import Probes
from worker_host.registration import Registration
from worker_host.registry import Registry
from worker_host.runners import Runners
from worker_host.settings import WorkerSettings
from worker_host.slots import Slots
from worker_host.task_log import TaskLog
from worker_host.wake_line import WakeLine, parent_end
from worker_host.watch import Watch

if TYPE_CHECKING:
    from worker_host.telemetry import Telemetry

#: How often the loop shows that it turns, and looks at its own lease.
TURN_S = 0.25
CLOSE_S = 5.0
#: Unhealthy after so long without a working connection.
FAILING_S = 10.0

log = structlog.get_logger()


class Worker:
    """The duties of one process: a lane for each shard that its queues live in, and what the lanes share.

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
        self._meter = Meter("idle")
        self._sealer = read_sealer(settings.payload_key)
        self.queue = open_queue(settings, self._meter, self._sealer)
        self.metrics = Metrics()
        self._runners = Runners(
            threads=settings.concurrency,
            children=min(settings.process_slots, settings.concurrency),
            modules=modules,
            memory_mb=settings.process_memory_mb,
        )
        self._line = WakeLine(self.queue.wait)
        self._lanes = self._new_lanes(is_json=is_json)
        self._heartbeat = Heartbeat(
            lambda: open_queue(settings, self._meter, self._sealer),
            self._lanes,
            blocked_s=settings.blocked_seconds,
        )
        self._expenses = Expenses(self.queue, self._meter)
        self._watch = Watch(self.queue, settings)
        self._probes = Probes(settings.health_host, settings.health_port, self.health, self.metrics)
        self._stop = asyncio.Event()
        self.is_restart_asked = False
        self.metrics.gauges = {
            "dtq_running_tasks": lambda: self._running,
            "dtq_slots": lambda: settings.concurrency,
            "dtq_redis_calls": lambda: self.queue.calls,
        }

    def _new_lanes(self, *, is_json: bool) -> list[Lane]:
        """One for each shard that the queues live in."""
        settings = self._settings
        task_log = TaskLog(is_json=is_json, is_on=settings.log_level.lower() in ("debug", "info"))
        new_executor = partial(
            Executor,
            self._registry,
            self._runners,
            self.metrics,
            task_log,
            max_result_bytes=settings.max_result_bytes,
            sealer=self._sealer,
        )
        slots, weights = Slots(settings.concurrency), settings.queue_weights
        types = sorted(handler.task_type for handler in self._registry)
        states = self.queue.worker_states(new_name(), self._queues, types, int(settings.lease_seconds * 1000))
        return [
            Lane(self.queue, self._line.wait, state, new_executor, self.metrics, slots, weights)
            for state in states
        ]

    @property
    def _running(self) -> int:
        """Tasks that run here."""
        return sum(lane.executor.held for lane in self._lanes)

    @property
    def _name(self) -> str:
        return self._lanes[0].state.name

    def trace(self, telemetry: Telemetry) -> None:
        """Give spans of attempts, and the metrics, to OpenTelemetry, too."""
        for lane in self._lanes:
            lane.executor.telemetry = telemetry
        telemetry.observe(self.metrics)

    def stop(self) -> None:
        """Begin the graceful end."""
        self._stop.set()

    async def run(self) -> None:
        """Register, work until `stop`, drain, leave.

        Raises:
            StoreRefused: Redis refuses the password or the rights at the start.
            ShardsDiffer: the namespace has another number of shards.
        """
        registration = Registration(
            self.queue,
            self._registry,
            self._queues,
            self._settings.concurrency,
            self._settings.lease_seconds,
            self._stop,
        )
        stopping = asyncio.create_task(self._stop.wait())
        duties = [asyncio.create_task(registration.keep(lane)) for lane in self._lanes]
        begun = asyncio.create_task(registration.is_begun.wait())
        try:
            await self._first_of([begun, stopping], duties)
            if begun.done():
                await self._start(duties)
                await self._first_of([stopping], duties)
                await self._drain()
            else:
                # What was registered meanwhile says goodbye.
                await asyncio.wait(duties, timeout=CLOSE_S)
        finally:
            begun.cancel()
            await self._close(duties)

    @staticmethod
    async def _first_of(awaited: list[asyncio.Task[Any]], duties: list[asyncio.Task[None]]) -> None:
        """Wait for one of `awaited`. No duty ends by itself before a stop: what ended it is raised."""
        done, _ = await asyncio.wait([*awaited, *duties], return_when=asyncio.FIRST_COMPLETED)
        if done.isdisjoint(awaited):
            await done.pop()

    async def _start(self, duties: list[asyncio.Task[None]]) -> None:
        """Start the other duties, once there may be work."""
        self._probes.start()
        self._heartbeat.start()
        log.info(
            "worker ready", worker=self._name, queues=self._queues, types=list(self._lanes[0].state.types),
            slots=self._settings.concurrency,
        )  # fmt: skip
        end = parent_end()
        if end is not None:
            await self._line.open(end)
        auditor = Auditor(
            self.queue,
            self.metrics,
            every_s=self._settings.audit_seconds,
            may_go_on=lambda: not self._stop.is_set(),
        )
        runs = [run for lane in self._lanes for run in (lane.exchanger.run, lane.waiter.run)]
        rest = (self._turn, auditor.run, self._expenses.run, self._watch.run)
        duties += [asyncio.create_task(duty()) for duty in (*runs, *rest)]

    async def _turn(self) -> None:
        """Show that the loop turns; give up what our clock says is ours no more."""
        while True:
            self._heartbeat.turn()
            for lane in self._lanes:
                lane.give_up_late_tasks()
                lane.tell_progress()
            await asyncio.sleep(TURN_S)

    async def _drain(self) -> None:
        """Claim no more, let tasks finish within the grace period, hand back the rest."""
        for lane in self._lanes:
            lane.drain()
        log.info("stopping", running=self._running, grace_s=self._settings.grace_seconds)
        deadline = monotonic() + self._settings.grace_seconds
        while self._running and monotonic() < deadline:
            await self._some_ended(deadline - monotonic())
        if self._running:
            log.warning("handing back what did not finish", tasks=self._running)
            for lane in self._lanes:
                lane.executor.stop_all(Ending.SHUTDOWN)
            await self._some_ended(1.0)
        give_up = monotonic() + min(10.0, self._settings.lease_seconds)
        while any(lane.has_to_hand_in for lane in self._lanes) and monotonic() < give_up:
            for lane in self._lanes:
                if lane.has_to_hand_in:
                    lane.exchanger.poke()
            await asyncio.sleep(0.01)

    def _running_tasks(self) -> list[asyncio.Task[None]]:
        return [slot.task for lane in self._lanes for slot in lane.executor.running.values() if slot.task]

    async def _some_ended(self, timeout_s: float) -> None:
        tasks = self._running_tasks()
        # What was claimed in this turn of the loop begins with the next.
        await (asyncio.wait(tasks, timeout=timeout_s) if tasks else asyncio.sleep(0))

    async def _close(self, duties: list[asyncio.Task[None]]) -> None:
        """End the duties; the connections are closed last, so that no call is cut off."""
        for duty in duties:
            duty.cancel()
        tasks = self._running_tasks()
        # A duty failed: nothing may run here any more when others are told to take it.
        for lane in self._lanes:
            lane.executor.stop_all(Ending.LOST)
        if tasks:
            await asyncio.wait(tasks, timeout=1.0)
        await self._line.close()
        self._heartbeat.stop()
        self._probes.stop()
        await self._runners.close()
        await asyncio.gather(*(self._leave(lane) for lane in self._lanes if lane.is_registered))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._expenses.save(), CLOSE_S)
        with contextlib.suppress(TimeoutError):
            # A call that hangs in a dead connection must not keep the process.
            await asyncio.wait_for(self.queue.transport.close(), CLOSE_S)
        await asyncio.gather(*duties, return_exceptions=True)

    async def _leave(self, lane: Lane) -> None:
        try:
            held = await self.queue.leave(lane.state)
            log.info("stopped", worker=lane.state.name, tasks_left_to_others=held)
        except StoreError as error:
            log.warning("left without a goodbye; the lease will expire", message=error.detail)

    def health(self) -> tuple[bool, dict[str, Any]]:
        """Whether this worker does its job: heard from Redis lately, and its loop turns."""
        silent_s = max(lane.silent_for_s for lane in self._lanes)
        failing_s = max(lane.exchanger.failing_for_s for lane in self._lanes)
        blocked_s = self._heartbeat.blocked_for_s
        is_well = (
            silent_s < MAX_WAIT_S + 15
            and failing_s < FAILING_S
            and blocked_s < self._settings.blocked_seconds
        )
        return is_well, {
            "worker": self._name,
            "running": self._running,
            "slots": self._settings.concurrency,
            "draining": any(lane.is_draining for lane in self._lanes),
            "silent_seconds": round(silent_s, 1),
            "failing_seconds": round(failing_s, 1),
            "blocked_seconds": round(max(0.0, blocked_s - TURN_S), 1),
        }

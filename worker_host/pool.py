"""The parent of several workers: starts them, restarts what crashed, passes signals on, watches files."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from time import monotonic

import structlog

from worker_host.engine import open_queue
from worker_host.fleet_probes import FleetProbes
from worker_host.loading import BUILT_IN, source_folders
from worker_host.process import PARENT_PIPE
from worker_host.settings import WorkerSettings
from worker_host.wake_line import WAKE_SOCKET
from worker_host.wake_relay import WakeRelay

#: A child that lived so long has recovered: its next crash is a first one again.
STABLE_S = 30.0
MAX_BACKOFF_S = 30.0
#: A child must have lived so long after its start to be taken to work.
STARTED_S = 2.0
#: Wrong settings: a restart would end the same way.
EXIT_SETTINGS = 2

log = structlog.get_logger()


@dataclass
class Child:
    """One worker process and its history."""

    number: int
    health_port: int
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    crashes: int = 0
    restart_at: float | None = None
    is_rolling: bool = False
    is_heard: threading.Event = field(default_factory=threading.Event)

    @property
    def is_up(self) -> bool:
        """Whether its process lives and has exchanged with Redis."""
        return self.is_heard.is_set() and self.process is not None and self.process.poll() is None

    @property
    def works(self) -> bool:
        """Whether it is up, and has been for a while."""
        return self.is_up and monotonic() - self.started_at >= STARTED_S


@dataclass
class Pool:
    """Supervises `settings.processes` workers.

    Args:
        settings: of the workers.
        arguments: their command line.
        is_reloading: restart the workers when a handler's file changes.
    """

    settings: WorkerSettings
    arguments: list[str]
    is_reloading: bool
    _signals: SimpleQueue[str] = field(default_factory=SimpleQueue)
    _children: list[Child] = field(default_factory=list)
    _stops: int = 0
    _to_roll: list[Child] = field(default_factory=list)
    _relay: WakeRelay | None = None

    def run(self) -> int:
        """Supervise until stopped; returns the exit code."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._signals.put("stop"))
        signal.signal(signal.SIGHUP, lambda *_: self._signals.put("roll"))
        self._read_end, self._write_end = os.pipe()
        if self.settings.processes > 1:
            self._relay = WakeRelay(lambda meter: open_queue(self.settings, meter))
        probes = FleetProbes(self.settings, self.settings.processes, self._own_calls)
        self._children = [Child(number, port) for number, port in enumerate(probes.child_ports, start=1)]
        probes.start(self._alive)
        if self.is_reloading:
            threading.Thread(target=self._watch, name="reload", daemon=True).start()
        if self._relay is not None:
            self._relay.start()
        for child in self._children:
            self._start(child)
        code = self._supervise()
        probes.stop()
        if self._relay is not None:
            self._relay.stop()
        return code

    def _own_calls(self) -> int:
        return self._relay.calls if self._relay is not None else 0

    def _alive(self) -> int:
        return sum(1 for child in self._children if child.process and child.process.poll() is None)

    def _start(self, child: Child) -> None:
        environment = {
            **os.environ,
            PARENT_PIPE: str(self._read_end),
            "HEALTH_PORT": str(child.health_port),
            "HEALTH_HOST": "127.0.0.1",
        }
        if self.is_reloading:
            environment["GRACE_SECONDS"] = "1"
        arguments = [word for word in self.arguments if word != "--reload"]
        # Its own process group: Ctrl-C reaches the parent alone, which passes it on in order.
        kept = [self._read_end]
        line = None
        if self._relay is None:
            child.is_heard.set()  # nobody listens to a single process
        else:
            child.is_heard.clear()
            line = self._relay.new_line(child.is_heard)
        if line is not None:
            environment[WAKE_SOCKET] = str(line.fileno())
            kept.append(line.fileno())
        child.process = subprocess.Popen(  # noqa: S603  # our own interpreter and module, the user's own arguments
            [sys.executable, "-m", "worker_host", *arguments, "--processes", "1"],
            env=environment,
            pass_fds=kept,
            start_new_session=True,
        )
        if line is not None:
            line.close()
        child.started_at, child.restart_at = monotonic(), None

    def _supervise(self) -> int:
        """Until all children have ended after a stop; returns the exit code."""
        while True:
            try:
                event = self._signals.get(timeout=0.1)
            except Empty:
                event = ""
            if event == "stop":
                self._pass_on_stop()
            elif event == "reload" and not self._stops:
                self._reload()
            elif event == "roll" and not self._stops:
                log.info("rolling restart", processes=len(self._children))
                self._to_roll = list(self._children)
            code = self._look_after()
            if code is not None:
                return code

    def _look_after(self) -> int | None:
        """Restart what ended and is due; the exit code when there is nothing left to do."""
        if self._stops and self._alive() == 0:
            return 0
        self._roll_on()
        for child in self._children:
            code = child.process.poll() if child.process else None
            if self._stops or code is None:
                continue
            if child.is_rolling:
                child.is_rolling = False
                self._start(child)
                continue
            if child.restart_at is not None:
                if monotonic() >= child.restart_at:
                    self._start(child)
            elif (
                code == EXIT_SETTINGS
                and not self.is_reloading
                and not any(one.is_up for one in self._children)
            ):
                self._pass_on_stop()
                return self._wait_for_all(EXIT_SETTINGS)
            elif self.is_reloading and code in (0, EXIT_SETTINGS):
                continue  # the next saved file starts it again
            else:
                self._plan_restart(child, code)
        return None

    def _roll_on(self) -> None:
        """Ask the next worker to end when the one before it works again: the others work meanwhile.

        Of a release that does not start, one process is all that is lost.
        """
        if not self._to_roll or self._stops:
            return
        if any(child.is_rolling or not child.works for child in self._children):
            return
        child = self._to_roll.pop(0)
        if child.process and child.process.poll() is None:
            child.is_rolling = True
            child.process.send_signal(signal.SIGTERM)

    def _plan_restart(self, child: Child, code: int) -> None:
        child.crashes = 1 if monotonic() - child.started_at > STABLE_S else child.crashes + 1
        backoff_s = min(0.5 * 2 ** (child.crashes - 1), MAX_BACKOFF_S)
        child.restart_at = monotonic() + backoff_s
        reason = f"signal {-code}" if code < 0 else f"exit code {code}"
        log.error("a worker process ended", process=child.number, reason=reason, restart_in_s=backoff_s)

    def _wait_for_all(self, code: int) -> int:
        for child in self._children:
            if child.process:
                child.process.wait()
        return code

    def _pass_on_stop(self) -> None:
        """The first stop is graceful in every child, the second is hard."""
        self._stops += 1
        for child in self._children:
            if child.process and child.process.poll() is None:
                child.process.send_signal(signal.SIGTERM if self._stops == 1 else signal.SIGKILL)

    def _reload(self) -> None:
        log.info("a handler's file changed; restarting")
        for child in self._children:
            if child.process and child.process.poll() is None:
                child.process.send_signal(signal.SIGTERM)
        for child in self._children:
            if child.process:
                try:
                    child.process.wait(timeout=10)
                except subprocess.TimeoutExpired:
                    child.process.kill()
                    child.process.wait()
            self._start(child)

    def _watch(self) -> None:
        """Tell of each saved Python file in the handlers' folders."""
        from watchfiles import PythonFilter, watch

        sys.path.insert(0, str(Path.cwd()))
        folders = source_folders([*BUILT_IN, *self.settings.handler_modules])
        for _ in watch(*folders, watch_filter=PythonFilter(), debounce=200, raise_interrupt=False):
            self._signals.put("reload")

"""One program of the local run: started, its lines passed on, restarted when it crashes, stopped in order."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import Callable, Mapping
from time import monotonic

_COLOURS = {"redis": "35", "gateway": "34", "api": "36", "worker": "32", "vite": "33"}
_PR_SET_PDEATHSIG = 1


def _die_with_parent() -> None:
    """On Linux the kernel ends this child when its parent is gone, even by kill -9."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


class Part:
    """A child process with a name.

    Args:
        name: stands before each of its lines.
        command: program and arguments.
        environment: added to ours.
        write: takes a finished line.
        is_left_out: which of its lines are not passed on.
    """

    def __init__(
        self,
        name: str,
        command: list[str],
        environment: Mapping[str, str],
        write: Callable[[str], None],
        is_left_out: Callable[[str], bool] = lambda line: False,
    ) -> None:
        self.name = name
        self._command = command
        self._environment = {**os.environ, "PYTHONUNBUFFERED": "1", **environment}
        self._write = write
        self._is_left_out = is_left_out
        self._process: Process | None = None
        self._is_stopping = False
        self._runner: asyncio.Task[None] | None = None

    @property
    def is_running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.returncode is None

    async def start(self) -> None:
        """Start it and keep it running."""
        await self._spawn()
        self._runner = asyncio.create_task(self._keep())

    async def _spawn(self) -> None:
        # A session of its own: Ctrl-C reaches us alone, and we stop the parts in order.
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            env=self._environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=PIPE,
            stderr=STDOUT,
            start_new_session=True,
            preexec_fn=_die_with_parent,
            limit=1024 * 1024,
        )

    async def _keep(self) -> None:
        backoff = 0.5
        while True:
            started = monotonic()
            assert self._process is not None
            await self._pass_lines(self._process)
            code = await self._process.wait()
            if self._is_stopping:
                return
            backoff = 0.5 if monotonic() - started > 30 else min(backoff * 2, 15)
            self.say(f"ended with code {code}; starting again in {backoff:g} s")
            await asyncio.sleep(backoff)
            await self._spawn()

    async def _pass_lines(self, process: Process) -> None:
        assert process.stdout is not None
        while True:
            try:
                line = await process.stdout.readline()
            except ValueError:  # a line longer than the limit was thrown away
                line = b"(a very long line was left out)\n"
            if not line:
                return
            text = line.decode("utf-8", "replace").rstrip()
            if not self._is_left_out(text):
                self.say(text)

    def say(self, line: str) -> None:
        """Write a line under this part's name."""
        name = f"{self.name:>7}"
        if sys.stdout.isatty():
            name = f"\033[{_COLOURS.get(self.name, '37')}m{name}\033[0m"
        self._write(f"{name} │ {line}")

    async def stop(self, timeout_s: float) -> None:
        """Ask it to end, and end it when it does not."""
        self._is_stopping = True
        if self.is_running:
            assert self._process is not None
            self._process.terminate()
            try:
                await asyncio.wait_for(self._process.wait(), timeout_s)
            except TimeoutError:
                self.say(f"did not end within {timeout_s:g} s; killed")
                self._process.kill()
            # What it had started and left behind, such as npm below a shell; it leads a group of its own.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGTERM)
        if self._runner is not None:
            # It ends with the last line, unless the part was waiting for its restart.
            await asyncio.wait([self._runner], timeout=1)
            self._runner.cancel()

"""Real processes of a chaos run: one Valkey with an append-only file, workers behind proxies."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from time import monotonic

import redis.asyncio as redis
from redis.exceptions import RedisError

from local import embedded
from tests.chaos.effects import FILE
from tests.chaos.proxy import Proxy
from tests.support.queues import NAMESPACE
from tests.support.server import free_port
from tests.support.waiting import wait_until

ROOT = Path(__file__).parents[2]
LEASE_S = 2.0
GRACE_S = 1.0
#: After SIGTERM: the grace period, a last exchange, a goodbye, each of which may meet a network that is away.
ENDS_WITHIN_S = 20.0


def faketime_library() -> str | None:
    """libfaketime for threads, where the system has it."""
    found = sorted(Path("/usr/lib").glob("**/faketime/libfaketimeMT.so.1"))
    return str(found[0]) if found else None


class Store:
    """A Valkey that may be killed and comes back with what its append-only file holds.

    Args:
        appendfsync: always or everysec.
        has_clock: whether its clock can be moved.
    """

    def __init__(self, folder: Path, appendfsync: str, *, has_clock: bool) -> None:
        self.port = free_port()
        self.folder = folder / "store"
        self.folder.mkdir()
        self._appendfsync = appendfsync
        self._clock = folder / "clock" if has_clock else None
        self.process: subprocess.Popen[bytes] | None = None
        self.client = redis.Redis(
            port=self.port, decode_responses=True, protocol=2, socket_timeout=5, retry=None
        )
        self.set_clock(0)

    def set_clock(self, offset_s: float) -> None:
        """Let the server's clock go wrong by so much."""
        if self._clock:
            draft = self._clock.with_suffix(".new")
            draft.write_text(f"{offset_s:+.3f}\n")
            draft.replace(self._clock)

    async def start(self) -> None:
        command = [str(embedded.program()), "--port", str(self.port), "--bind", "127.0.0.1", "--save", ""]
        command += ["--dir", str(self.folder), "--loglevel", "warning"]
        command += ["--appendonly", "yes", "--appendfsync", self._appendfsync]
        environment = {**os.environ, **embedded.ENVIRONMENT}
        library = faketime_library()
        if self._clock and library:
            environment |= {
                "LD_PRELOAD": library,
                "FAKETIME_TIMESTAMP_FILE": str(self._clock),
                "FAKETIME_NO_CACHE": "1",
                "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            }
        self.process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
        await wait_until(self._answers, describe="the store answers", timeout_s=30, pause_s=0.02)

    async def _answers(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            raise RuntimeError(f"valkey-server ended with {self.process.returncode}")
        try:
            return bool(await self.client.ping())
        except (RedisError, OSError):
            return False

    async def end(self, number: int) -> None:
        """Send a signal and wait until the process is gone.

        SIGTERM becomes SHUTDOWN where the clock is moved: in its handler the server asks for the time, for which
        libfaketime allocates memory, and when the signal came within another allocation it stands still for ever.
        """
        process = self.process
        assert process is not None
        if number == signal.SIGTERM and self._clock:
            with suppress(RedisError, OSError):  # it ends instead of answering
                await self.client.execute_command("SHUTDOWN")
        else:
            process.send_signal(number)
        await wait_until(lambda: process.poll() is not None, describe="the store ends", timeout_s=30)

    async def close(self) -> None:
        await self.client.aclose()
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()


class WorkerSlot:
    """A place for one worker process after the other, all behind the same proxy.

    Attributes:
        deaths: when each process was seen to be gone, by its id.
    """

    def __init__(
        self, number: int, proxy: Proxy, effects: Path, arguments: list[str], **environment: str
    ) -> None:
        self._environment = environment
        self.number = number
        self.proxy = proxy
        self._effects = effects
        self._arguments = arguments
        self._output = tempfile.NamedTemporaryFile("w+", suffix=".log")
        self.process: subprocess.Popen[bytes] | None = None
        self.deaths: dict[int, float] = {}
        self.pids: list[int] = []
        self.is_stopped = False

    @property
    def lines(self) -> str:
        return Path(self._output.name).read_text()

    @property
    def is_alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        base = {k: v for k, v in os.environ.items() if not k.startswith(("UPSTASH_", "KV_"))}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "worker_host", "--concurrency", "10", *self._arguments],
            cwd=ROOT,
            env={
                **base,
                "REDIS_URL": self.proxy.url,
                "DTQ_NAMESPACE": NAMESPACE,
                "LEASE_SECONDS": str(LEASE_S),
                "GRACE_SECONDS": str(GRACE_S),
                "LOG_FORMAT": "json",
                FILE: str(self._effects),
                **self._environment,
            },
            stdout=self._output,
            stderr=subprocess.STDOUT,
        )
        self.pids.append(self.process.pid)
        self.is_stopped = False

    def pause(self) -> None:
        self._send(signal.SIGSTOP)
        self.is_stopped = True

    def resume(self) -> None:
        self._send(signal.SIGCONT)
        self.is_stopped = False

    def _send(self, number: int) -> None:
        if self.is_alive:
            assert self.process is not None
            self.process.send_signal(number)

    async def end(self, number: int) -> int | None:
        """Send a signal and wait until the process is gone; its exit code."""
        process = self.process
        if process is None:
            return None
        if process.poll() is None:
            process.send_signal(number)
            await wait_until(
                lambda: process.poll() is not None, describe="a worker ends", timeout_s=ENDS_WITHIN_S
            )
        self.deaths.setdefault(process.pid, monotonic())
        self.is_stopped = False
        return process.returncode

    def count(self, text: str) -> int:
        return self.lines.count(text)

    async def ready(self) -> None:
        """Until the process that runs now has registered."""
        assert self.process is not None
        mark = f"-{self.process.pid}-"
        await wait_until(
            lambda: any("worker ready" in line and mark in line for line in self.lines.splitlines()),
            describe=f"worker {self.number} is ready",
            timeout_s=60,
            pause_s=0.05,
        )

    async def close(self) -> None:
        if self.is_alive:
            self.resume()
            await self.end(signal.SIGKILL)
        self._output.close()


async def gone(slots: list[WorkerSlot]) -> list[int | None]:
    """Ask all to end gracefully; their exit codes."""
    return list(await asyncio.gather(*(slot.end(signal.SIGTERM) for slot in slots)))

"""Real worker processes for tests."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.support.waiting import wait_until

ROOT = Path(__file__).parents[2]


class WorkerProcess:
    """`python -m worker_host` with the handlers of the tests.

    Args:
        redis_url: where Redis is.
        arguments: command line after the handlers.
        environment: added to ours.
    """

    def __init__(
        self, redis_url: str, *arguments: str, handlers: str = "tests.support.handlers", **environment: str
    ):
        self.output = tempfile.NamedTemporaryFile("w+", suffix=".log")
        base = {k: v for k, v in os.environ.items() if not k.startswith(("UPSTASH_", "KV_"))}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "worker_host", "--handlers", handlers, *arguments],
            cwd=ROOT,
            env={**base, "REDIS_URL": redis_url, "LOG_FORMAT": "json", **environment},
            stdout=self.output,
            stderr=subprocess.STDOUT,
        )

    @property
    def lines(self) -> str:
        return Path(self.output.name).read_text()

    async def ready(self, count: int = 1) -> WorkerProcess:
        """Until `count` workers have said that they are."""
        await self.says("worker ready", count)
        return self

    async def says(self, text: str, count: int = 1) -> None:
        """Until its lines hold `text`, `count` times."""

        def look() -> bool | None:
            assert self.process.poll() is None or text in self.lines, f"the worker ended: {self.lines}"
            return self.lines.count(text) >= count

        await wait_until(look, describe=f"the worker says {text!r}", timeout_s=30)

    def send(self, number: int) -> None:
        self.process.send_signal(number)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    async def ended(self, timeout: float = 20) -> int:
        await wait_until(
            lambda: self.process.poll() is not None, describe="the worker ends", timeout_s=timeout
        )
        return self.process.returncode

    def stop(self) -> None:
        """Whatever its state: afterwards it is gone."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.output.close()

"""`python -m local` as a person starts it, in a folder of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

from tests.support.waiting import wait_until

ROOT = Path(__file__).parents[2]


class LocalRun:
    """The whole product in one process tree.

    Args:
        data: where it keeps its tasks.
        arguments: more of the command line.
    """

    def __init__(self, data: Path, *arguments: str, port: int) -> None:
        data.mkdir(parents=True, exist_ok=True)
        self._output = data.parent / f"{data.name}-{port}.log"
        with self._output.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "local", "--port", str(port), "--data", str(data), *arguments],
                cwd=ROOT,
                env={**os.environ, "NO_COLOR": "1"},
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @property
    def lines(self) -> str:
        return self._output.read_text()

    async def ready(self) -> str:
        """The address from the banner, once it is there."""

        def look() -> re.Match[str] | None:
            assert self.process.poll() is None, self.lines
            return re.search(r"Dashboard +(http://\S+)", self.lines)

        match = await wait_until(look, describe="the banner", timeout_s=40)
        return match[1]

    async def says(self, text: str) -> None:
        await wait_until(lambda: text in self.lines, describe=f"a line with {text!r}", timeout_s=30)

    def stop(self) -> int:
        """Ctrl-C; the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            return self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        finally:
            print(self.lines[-4000:])

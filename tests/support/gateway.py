"""The REST gateway as a process of its own, in front of a server."""

from __future__ import annotations

import subprocess
import sys

TOKEN = "token-of-the-tests"


class GatewayProcess:
    """`python -m local.gateway` on a free port."""

    def __init__(self, redis_url: str) -> None:
        command = [sys.executable, "-m", "local.gateway", "--port", "0", "--redis-url", redis_url]
        self.process = subprocess.Popen([*command, "--token", TOKEN], stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if "listening on " not in line:
            self.stop()
            raise RuntimeError(f"the gateway did not start: {line!r}")
        self.url = line.split()[-1]

    def stop(self) -> None:
        """End the process."""
        self.process.terminate()
        self.process.wait(10)
        assert self.process.stdout is not None
        self.process.stdout.close()

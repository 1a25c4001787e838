"""The embedded server of a test session: one process, reached by a socket file."""

from __future__ import annotations

import os
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from local import embedded

START_S = 20.0


class EmbeddedServer:
    """A Valkey that keeps nothing; `stop` ends it and removes its folder."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="dtq-")
        self.socket = Path(self._folder.name) / "valkey.sock"
        command = [str(embedded.program()), "--port", "0", "--unixsocket", str(self.socket), "--save", ""]
        command += ["--appendonly", "no", "--dir", self._folder.name, "--loglevel", "warning"]
        environment = {**os.environ, **embedded.ENVIRONMENT}
        self._process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)  # noqa: S603  # our own words
        try:
            self._until_it_answers()
        except BaseException:
            self.stop()
            raise

    def _until_it_answers(self) -> None:
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise RuntimeError(f"the embedded Valkey ended at once, with {self._process.returncode}")
            try:
                with socket.socket(socket.AF_UNIX) as probe:
                    probe.settimeout(1)
                    probe.connect(str(self.socket))
                    probe.sendall(b"PING\r\n")
                    if probe.recv(16).startswith(b"+PONG"):
                        return
            except OSError:
                time.sleep(0.01)
        raise RuntimeError(f"the embedded Valkey did not answer within {START_S:g} s")

    def stop(self) -> None:
        """End it, whatever its state."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._folder.cleanup()

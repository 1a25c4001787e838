"""The real nginx with our template, unprivileged in a folder of its own."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
from pathlib import Path
from time import monotonic, sleep
from types import TracebackType
from typing import Self

import pytest

from tests.support.server import free_port

START = Path(__file__).parents[2] / "deploy" / "nginx" / "start.sh"


def require(program: str) -> str:
    """Path of a program of the system; without it a test is skipped here, and fails where CI is set."""
    found = shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin")
    if found is None:
        complain = pytest.fail if os.environ.get("CI") else pytest.skip
        complain(f"{program} is not installed (Debian: apt-get install --no-install-recommends {program})")
    return found


class Nginx:
    """nginx between a client and `api`; ready when the block is entered.

    Args:
        folder: for everything that it writes; `dist` in it is the dashboard.
        api: host:port of the API.
        changes: texts of the configuration and what stands there instead, to show that a proof can fail.
    """

    def __init__(self, folder: Path, api: str, *changes: tuple[str, str], **variables: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.errors = folder / "errors"
        program = Path(require("nginx"))
        start = folder / "start.sh"
        shutil.copy(START, start)
        template = (START.parent / "nginx.conf.template").read_text("utf-8")
        for old, new in changes:
            assert old in template
            template = template.replace(old, new)
        (folder / "nginx.conf.template").write_text(template, "utf-8")
        self._command = ["sh", str(start)]
        self._environment = {
            "PATH": f"{program.parent}:{os.environ['PATH']}",
            "API": api,
            "LISTEN": f"127.0.0.1:{self.port}",
            "ROOT": str(folder / "dist"),
            "RUN_DIR": str(folder / "run"),
            **variables,
        }

    def __enter__(self) -> Self:
        checked = subprocess.run(
            [*self._command, "-t"], env=self._environment, capture_output=True, text=True, check=False
        )
        assert checked.returncode == 0, checked.stderr
        assert "warn" not in checked.stderr, checked.stderr
        with self.errors.open("w") as errors:
            self._process = subprocess.Popen(self._command, env=self._environment, stderr=errors)
        deadline = monotonic() + 10
        while True:
            assert self.is_running, self.errors.read_text()
            assert monotonic() < deadline, "nginx does not listen"
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return self
            sleep(0.02)

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._process.terminate()
        self._process.wait(10)

    @property
    def is_running(self) -> bool:
        """Whether its master process lives."""
        return self._process.poll() is None

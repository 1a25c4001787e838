"""Starts a built function as the platform's launcher does, and listens to what it announces.

The function connects to the Unix socket that VERCEL_IPC_PATH names and sends JSON messages, each
ended by a NUL: `server-started` with its HTTP port, or `unrecoverable-error`; then log lines and
the end of each invocation.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

_START = "import sys; sys.path.insert(0, ''); import vc__handler__python"


class StartFailed(Exception):
    """Raised when the function says that it cannot start, or says nothing."""


def unpack(checkout: Path, function: Path, target: Path) -> None:
    """Lay the function out as it is uploaded: its own folder, and the files that it names."""
    settings = json.loads((function / ".vc-config.json").read_text("utf-8"))
    shutil.copytree(function, target, dirs_exist_ok=True)
    for name, source in settings["filePathMap"].items():
        place = target / name
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(checkout / source, place)


class Instance:
    """One running instance of a function.

    Args:
        folder: the unpacked function.
        python: interpreter of the runtime that the function was built for.
        variables: of the deployment, as a project's owner sets them.
    """

    def __init__(self, folder: Path, python: str, variables: Mapping[str, str] | None = None) -> None:
        settings = json.loads((folder / ".vc-config.json").read_text("utf-8"))
        self._own = tempfile.TemporaryDirectory()
        address = f"{self._own.name}/ipc.sock"
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(address)
        listener.listen(1)
        listener.settimeout(30)
        environment = {
            "PATH": os.defpath,
            "HOME": self._own.name,
            "VERCEL": "1",
            "VERCEL_ENV": "production",
            "VERCEL_IPC_PATH": address,
            **settings["environment"],
            **(variables or {}),
        }
        began = time.monotonic()
        self.errors = Path(self._own.name, "stderr").open("w+b")
        self.process = subprocess.Popen(
            [python, "-c", _START], cwd=folder, env=environment, stdout=self.errors, stderr=self.errors
        )
        self.messages: list[dict[str, Any]] = []
        self._started = threading.Event()
        try:
            with listener:
                self._link, _ = listener.accept()
            threading.Thread(target=self._listen, daemon=True).start()
            port = self._port()
        except (TimeoutError, StartFailed) as error:
            text = self.stop()
            raise StartFailed(f"{error}\n{text}") from None
        self.started_in_s = time.monotonic() - began
        self.url = f"http://127.0.0.1:{port}"

    def stop(self) -> str:
        """End by SIGTERM as the platform does; returns what was written to stdout and stderr."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.errors.seek(0)
        text = self.errors.read().decode("utf-8", "replace")
        self.errors.close()
        if hasattr(self, "_link"):
            self._link.close()
        self._own.cleanup()
        return text

    def kinds(self) -> list[str]:
        """Types of the messages so far."""
        return [message["type"] for message in list(self.messages)]

    def _port(self) -> int:
        if not self._started.wait(30):
            raise StartFailed(f"no announcement within 30 s; messages: {self.messages}")
        message = self.messages[-1] if self.messages else {}
        for message in self.messages:
            if message["type"] == "server-started":
                return int(message["payload"]["httpPort"])
        raise StartFailed(f"the function cannot start: {message}")

    def _listen(self) -> None:
        for message in self._read():
            self.messages.append(message)
            if message["type"] in ("server-started", "unrecoverable-error"):
                self._started.set()
        self._started.set()

    def _read(self) -> Iterator[dict[str, Any]]:
        rest = b""
        while True:
            try:
                piece = self._link.recv(65_536)
            except OSError:
                return
            if not piece:
                return
            *whole, rest = (rest + piece).split(b"\0")
            yield from (json.loads(text) for text in whole)

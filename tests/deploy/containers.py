"""Containers by podman, where no daemon, no systemd and no raised limits are to be had."""

from __future__ import annotations

import json
import os
import subprocess
import urllib.error
import urllib.request
from typing import Any

from tests.support.server import free_port

#: As production should run it; the host's network replaces a bridge, so that no firewall rule is left behind.
HARDENED = (
    "--init",
    "--read-only",
    "--tmpfs=/tmp:rw,size=64m,mode=1777",
    "--volume=/data",
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges",
    "--memory=512m",
    "--pids-limit=200",
)


def podman(*arguments: str, is_checked: bool = True) -> subprocess.CompletedProcess[str]:
    """Run podman; a failure shows what it said."""
    done = subprocess.run(["podman", *arguments], capture_output=True, text=True, check=False, env=os.environ)
    assert not is_checked or done.returncode == 0, f"podman {' '.join(arguments)}\n{done.stderr}"
    return done


class Container:
    """One container of an image, in the background.

    Args:
        image: its name.
        options: of `podman run`.
        arguments: of the entry point.
        variables: of the process; HEALTH_PORT is a free port unless given.
    """

    def __init__(self, image: str, *options: str, arguments: tuple[str, ...] = (), **variables: str) -> None:
        variables.setdefault("HEALTH_PORT", str(free_port()))
        self.health_port = variables["HEALTH_PORT"]
        environment = [f"--env={name}={value}" for name, value in variables.items()]
        # Where podman finds no systemd it complains about the schedule of the health check, and starts all the same.
        started = podman("run", "--detach", "--network=host", *options, *environment, image, *arguments)
        self.id = started.stdout.strip().splitlines()[-1]

    def state(self) -> dict[str, Any]:
        """As podman sees it: Running, ExitCode, Pid, OOMKilled…"""
        return json.loads(podman("inspect", self.id).stdout)[0]["State"]

    def logs(self) -> str:
        """All that it wrote."""
        done = podman("logs", self.id)
        return done.stdout + done.stderr

    def health(self) -> dict[str, Any] | None:
        """Answer of its health endpoint, or nothing while there is none."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.health_port}/health", timeout=2) as answer:
                return json.loads(answer.read())
        except (urllib.error.URLError, OSError):
            return None

    def execute(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command inside."""
        return podman("exec", self.id, *command, is_checked=False)

    def remove(self) -> None:
        """End and delete it."""
        podman("rm", "--force", "--volumes", "--time=1", self.id, is_checked=False)

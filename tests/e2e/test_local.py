"""The README's promises, on the program that a newcomer starts."""

from __future__ import annotations

import base64
import io
import json
import os
import re
import signal
from collections.abc import AsyncIterator
from email import message_from_bytes
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from tests.deploy.guide import Command
from tests.support.local_run import ROOT, LocalRun
from tests.support.processes import children, command_of, libraries_of
from tests.support.server import free_port
from tests.support.waiting import wait_until

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
async def run(tmp_path: Path) -> AsyncIterator[LocalRun]:
    running = LocalRun(tmp_path / "data", port=free_port())
    yield running
    running.stop()
    print(running.lines[-4000:])


def readme_bodies() -> dict[str, dict[str, Any]]:
    """The bodies of the README's curl commands, by task type."""
    text = (ROOT / "README.md").read_text()
    bodies = [json.loads(body) for body in re.findall(r"-d '(\{.*?\})'\n", text, re.DOTALL)]
    return {body["task_type"]: body for body in bodies}


def readme_shows(answer: str, task_id: str) -> bool:
    """Whether it shows an answer, over as many lines as it likes and with the id of another task."""
    text = (ROOT / "README.md").read_text()
    outputs = re.findall(r"^```json\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return any(
        Command(frozenset(), "", _packed(re.sub(r'(?<="id":")\w+', task_id, output))).is_shown(
            _packed(answer)
        )
        for output in outputs
    )


def _packed(text: str) -> str:
    return "".join(text.split())


async def finished(client: httpx.AsyncClient, task_id: str, timeout_s: float = 30) -> dict[str, Any]:
    async def look() -> dict[str, Any] | None:
        task = (await client.get(f"/api/tasks/{task_id}")).json()
        return task if task["status"] in ("completed", "dead", "cancelled") else None

    return await wait_until(look, describe=f"{task_id} ends", timeout_s=timeout_s, pause_s=0.05)


async def submit(client: httpx.AsyncClient, body: dict[str, Any]) -> str:
    answer = await client.post("/api/tasks", json=body)
    assert answer.status_code == 202, answer.text
    return answer.json()["id"]


async def test_the_readme_from_the_first_task_to_the_killed_worker(run: LocalRun, tmp_path: Path):
    bodies = readme_bodies()
    assert set(bodies) == {"email", "data", "image", "hello", "slow"}
    async with httpx.AsyncClient(base_url=await run.ready(), trust_env=False) as client:
        results = {}
        for name in ("email", "data", "image", "hello"):
            answer = await client.post("/api/tasks", json=bodies[name])
            task_id = answer.json()["id"]
            assert readme_shows(answer.text, task_id), answer.text
            task = await finished(client, task_id)
            assert task["status"] == "completed", task["error"]
            results[name] = task["result"]
            if name == "data":
                whole = (await client.get(f"/api/tasks/{task_id}")).text
                assert readme_shows(whole, task_id), whole
        message = message_from_bytes(Path(results["email"]["path"]).read_bytes())
        assert message["To"] == "ann@example.com"
        assert results["email"]["transport"] == "outbox"
        assert results["data"]["rows"] == [
            {"region": "north", "revenue": 13.0}, {"region": "south", "revenue": 2.0}
        ]  # fmt: skip
        image = Image.open(io.BytesIO(base64.b64decode(results["image"]["base64"])))
        assert (image.format, image.size) == ("WEBP", (4, 4))
        assert results["hello"] == {"greeting": "Hello, Ada"}

        slow = await submit(client, {**bodies["slow"], "payload": {"seconds": 1.5}})

        async def is_running() -> bool:
            return (await client.get(f"/api/tasks/{slow}")).json()["status"] == "running"

        await wait_until(is_running, describe="the slow task runs")
        pools = [pid for pid in children(run.process.pid) if b"worker_host" in command_of(pid)]
        for pid in children(pools[0]):
            os.kill(pid, signal.SIGKILL)
        task = await finished(client, slow)
        assert [attempt["outcome"] for attempt in task["attempts"]] == ["lost", "completed"]


async def test_a_restart_keeps_the_tasks_and_a_second_run_is_refused(tmp_path: Path):
    data = tmp_path / "data"
    first = LocalRun(data, "--no-worker", port=free_port())
    try:
        async with httpx.AsyncClient(base_url=await first.ready(), trust_env=False) as client:
            task_id = await submit(client, readme_bodies()["hello"])
        second = LocalRun(data, port=free_port())
        assert second.process.wait(20) == 1
        assert "another local run uses" in second.lines
    finally:
        assert first.stop() == 0
    again = LocalRun(data, port=free_port())
    try:
        async with httpx.AsyncClient(base_url=await again.ready(), trust_env=False) as client:
            assert (await finished(client, task_id))["status"] == "completed"
    finally:
        assert again.stop() == 0


async def test_its_store_runs_on_the_allocator(run: LocalRun):
    await run.ready()
    (store,) = [pid for pid in children(run.process.pid) if b"valkey-server" in command_of(pid)]
    assert "libmimalloc" in libraries_of(store)


async def test_a_taken_port_is_replaced_and_nothing_is_left_behind(run: LocalRun, tmp_path: Path):
    address = await run.ready()
    other = LocalRun(tmp_path / "other", "--no-worker", port=int(address.rsplit(":", 1)[1]))
    try:
        assert await other.ready() != address
    finally:
        assert other.stop() == 0
    parts = children(run.process.pid)
    run.process.kill()
    run.process.wait()

    def left() -> list[int]:
        return [pid for pid in parts if Path(f"/proc/{pid}").exists()]

    await wait_until(lambda: not left(), describe="the parts end with their parent", timeout_s=30)

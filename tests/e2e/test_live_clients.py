"""What happens, seen live: by both clients and by `dtq tail`, over the API behind a real socket."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta

import pytest

from shared.cli.__main__ import main
from shared.client import AsyncClient, Client
from tests.client.conftest import http_api  # noqa: F401  # a fixture
from tests.support.http_api import HttpApi
from tests.support.waiting import wait_until
from tests.support.workers import ROOT, WorkerProcess


@pytest.fixture
async def worker(server):
    running = await WorkerProcess(server.url, DTQ_NAMESPACE="test").ready()
    yield running
    running.stop()


async def _statuses(client: AsyncClient, task_id: str, after: str) -> list[str]:
    """What is told of a task, until its end."""
    seen = []
    async for event in client.events(task_id=task_id, after=after):
        if event.kind == "change":
            seen += [one["status"] for one in event.data["tasks"] if one["id"] == task_id]
        if seen and seen[-1] == "completed":
            return seen
    raise AssertionError("events end only with the caller")


async def test_events_tell_of_a_task_from_its_submission_on(http_api, worker):  # noqa: F811
    async with AsyncClient(http_api.url) as client:
        events = client.events(queue="default")
        ready = await anext(events)
        assert ready.kind == "ready"
        task = await client.submit("noop", {})
        seen = await asyncio.wait_for(_statuses(client, task.id, ready.id), 30)
        assert seen == ["pending", "running", "completed"]
        assert (await anext(events)).data["counts"]["default"]
        await events.aclose()


async def test_a_stream_that_ends_is_resumed_without_a_gap(store, server):
    api = HttpApi(redis_url=server.url, events_stream_seconds=1)
    try:
        async with AsyncClient(api.url) as client:
            seen: list[str] = []
            ready = asyncio.Event()

            async def follow() -> None:
                async for event in client.events():
                    ready.set()
                    if event.kind == "change":
                        seen.extend(one["id"] for one in event.data["tasks"])

            following = asyncio.create_task(follow())
            await asyncio.wait_for(ready.wait(), 10)
            sent = []
            until = datetime.now(UTC) + timedelta(seconds=3)
            while datetime.now(UTC) < until:
                sent.append((await client.submit("noop", {})).id)
                await asyncio.sleep(0.02)
            await wait_until(lambda: len(seen) >= len(sent), describe="all events")
            following.cancel()
            assert seen == sent
    finally:
        api.stop()


def test_the_synchronous_client_follows_too(http_api):  # noqa: F811
    with Client(http_api.url) as client:
        events = client.events()
        assert next(events).kind == "ready"
        task = client.submit("noop", {}, queue="mail")
        change = next(event for event in events if event.kind == "change")
        assert change.data["counts"] == {"mail": {"pending": 1}}
        assert change.data["tasks"] == [{"id": task.id, "status": "pending"}]
        events.close()


async def test_the_api_holds_a_request_until_the_task_has_ended(http_api, worker):  # noqa: F811
    async with AsyncClient(http_api.url) as client:
        asked: list[str] = []
        client._http.event_hooks["request"].append(_noted(asked))
        task = await client.submit("sleep", {"seconds": 1.0})
        asked.clear()
        assert (await client.wait(task.id, timeout_s=30)).result == {"slept": 1.0}
        assert asked == [f"/api/tasks/{task.id}"]


def _noted(asked: list[str]):
    async def note(request) -> None:
        asked.append(request.url.path)

    return note


def test_tasks_are_listed_by_when_they_were_submitted(http_api):  # noqa: F811
    with Client(http_api.url) as client:
        task = client.submit("noop", {})
        created = client.get(task.id).created_at
        second = timedelta(seconds=1)
        assert [
            one.id for one in client.tasks(created_after=created - second, created_before=created + second)
        ] == [task.id]
        assert list(client.tasks(created_after=created + second)) == []
        assert list(client.tasks(created_before=created - second)) == []


async def test_explain_says_why(http_api):  # noqa: F811
    async with AsyncClient(http_api.url) as client:
        task = await client.submit("noop", {}, queue="mail")
        await client.pause_queue("mail", reason="moving")
        said = await client.explain(task.id)
        assert said["code"] == "queue_paused"
        assert "moving" in said["sentence"]


def test_explain_says_it_on_the_command_line(http_api, capsys):  # noqa: F811
    with Client(http_api.url) as client:
        task = client.submit("noop", {}, queue="mail")
        client.pause_queue("mail", reason="moving")
    assert main(["explain", task.id, "--url", http_api.url]) == 0
    assert "moving" in capsys.readouterr().out
    assert main(["explain", task.id, "--url", http_api.url, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["code"] == "queue_paused"


@pytest.mark.parametrize("form", ["json", "tables"])
def test_tail_prints_what_happens_until_it_is_stopped(http_api, form):  # noqa: F811
    flags = ["--json"] if form == "json" else []
    code = "import sys; from shared.cli.__main__ import main; sys.exit(main())"
    tail = subprocess.Popen(
        [sys.executable, "-u", "-c", code, "tail", *flags, "--url", http_api.url],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "200", "NO_COLOR": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )
    killer = threading.Timer(30, tail.kill)
    killer.start()
    try:
        first = tail.stdout.readline()
        assert "ready" in first if form == "json" else "watching; Ctrl-C ends it" in first
        with Client(http_api.url) as client:
            task = client.submit("noop", {}, queue="mail")
        line = tail.stdout.readline()
        if form == "json":
            assert json.loads(line)["data"]["tasks"] == [{"id": task.id, "status": "pending"}]
        else:
            assert f"mail 1 pending  {task.id}" in line
        tail.send_signal(2)
        assert tail.wait(10) == 130
    finally:
        killer.cancel()
        tail.kill()
        tail.wait()
        tail.stdout.close()

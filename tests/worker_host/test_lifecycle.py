"""A worker's beginning and end: bad settings, signals, crashes, reload, health."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from pathlib import Path
from time import monotonic

import httpx
import pytest

from shared.models import TaskStatus, TaskSubmission
from shared.queue import TaskQueue
from tests.support.server import Server, free_port
from tests.support.waiting import wait_until
from tests.support.workers import WorkerProcess
from tests.worker_host.conftest import StartWorker, reaches

COMPLETED, RUNNING, PENDING = TaskStatus.COMPLETED, TaskStatus.RUNNING, TaskStatus.PENDING


async def submit(engine: TaskQueue, task_type: str, payload: dict, count: int = 1, **fields) -> list[str]:
    tasks = [TaskSubmission(task_type=task_type, payload=payload, **fields) for _ in range(count)]
    return [task.id for task in await engine.submit(tasks)]


async def all_are(engine: TaskQueue, ids: list[str], status: TaskStatus, timeout_s: float = 20) -> None:
    async def look() -> bool:
        page = await engine.list_tasks(limit=1000)
        found = Counter(task.status for task in page.tasks if task.id in set(ids))
        return found[status] == len(ids)

    await wait_until(look, describe=f"{len(ids)} tasks are {status}", timeout_s=timeout_s)


async def have_started(effects: Path, ids: list[str]) -> None:
    """The handlers themselves say so: a record says `running` before the worker has its answer."""

    def look() -> bool:
        started = {line.split()[1] for line in effects.read_text().splitlines() if line.startswith("start ")}
        return started >= set(ids)

    await wait_until(look, describe=f"{len(ids)} handlers have started")


@pytest.mark.parametrize(
    ("arguments", "environment", "words"),
    [
        (["--handlers", "no.such.module"], {}, ["--handlers", "no.such.module", "ModuleNotFoundError"]),
        ([], {"REDIS_URL": "ftp://x"}, ["REDIS_URL", "redis or rediss"]),
        ([], {"REDIS_URL": ""}, ["REDIS_URL", "missing"]),
        ([], {"LEASE_SECONDS": "soon"}, ["LEASE_SECONDS", "soon"]),
        (["--queues", "a b"], {}, ["--queues", "a b"]),
        (["--concurrency", "0"], {}, ["CONCURRENCY", "greater than or equal to 1"]),
    ],
)
async def test_wrong_settings_are_one_clear_line_and_code_2(
    server: Server, arguments: list[str], environment: dict[str, str], words: list[str]
):
    worker = WorkerProcess(server.url, *arguments, **environment)
    try:
        assert await worker.ended() == 2
        lines = worker.lines.strip().splitlines()
        assert len(lines) == 1
        for word in words:
            assert word in lines[0]
    finally:
        worker.stop()


async def test_a_wrong_password_is_one_clear_line_and_code_2():
    guarded = Server("--requirepass", "right", expect=b"-NOAUTH")
    worker = WorkerProcess(f"redis://:wrong@127.0.0.1:{guarded.port}/0")
    try:
        assert await worker.ended() == 2
        assert "password" in worker.lines
        assert "Traceback" not in worker.lines
    finally:
        worker.stop()
        guarded.stop()


async def test_sigterm_lets_running_tasks_finish(engine: TaskQueue, start_worker: StartWorker, effects: Path):
    worker = await start_worker().ready()
    (running,) = await submit(engine, "sleep", {"seconds": 1.0})
    await have_started(effects, [running])
    worker.send(signal.SIGTERM)
    await worker.says('"stopping"')
    (later,) = await submit(engine, "noop", {})
    assert await worker.ended() == 0
    assert (await engine.get(running)).status is COMPLETED
    assert (await engine.get(later)).status is PENDING
    assert (await engine.overview()).workers == []


async def test_what_does_not_finish_in_the_grace_period_is_handed_back(
    engine: TaskQueue, start_worker: StartWorker, effects: Path
):
    worker = await start_worker(GRACE_SECONDS="0.3").ready()
    ids = await submit(engine, "sleep", {"seconds": 60}, count=5)
    await have_started(effects, ids)
    worker.send(signal.SIGTERM)
    assert await worker.ended() == 0
    for task_id in ids:
        task = await engine.get(task_id)
        assert task.status is PENDING
        assert task.attempt == 0
        assert f"cancelled {task_id}" in effects.read_text()


async def test_a_second_sigterm_is_hard_and_the_lease_brings_the_task_back(
    engine: TaskQueue, start_worker: StartWorker, effects: Path
):
    worker = await start_worker().ready()
    (task_id,) = await submit(engine, "once_slow", {"seconds": 60})
    await have_started(effects, [task_id])
    worker.send(signal.SIGTERM)
    await worker.says('"stopping"')
    worker.send(signal.SIGTERM)
    assert await worker.ended(3) == 130
    await start_worker().ready()
    assert (await reaches(engine, task_id, COMPLETED)).result == {"attempt": 2}


@pytest.mark.slow
async def test_fifty_tasks_of_a_killed_worker_come_back_once_each(
    engine: TaskQueue, start_worker: StartWorker, effects: Path
):
    """kill -9 while 50 run; a second worker sleeps: all complete within lease + 1 s, none twice."""
    first = await start_worker("--concurrency", "50").ready()
    ids = await submit(engine, "once_slow", {"seconds": 60}, count=50)
    await have_started(effects, ids)
    second = await start_worker("--concurrency", "50").ready()
    first.kill()
    killed_at = monotonic()
    await all_are(engine, ids, COMPLETED)
    assert monotonic() - killed_at < 2 + 1
    ends = Counter(line.split()[1] for line in effects.read_text().splitlines() if line.startswith("end "))
    assert ends == Counter(ids)
    for task_id in ids:
        task = await engine.get(task_id)
        assert [attempt.outcome for attempt in task.attempts] == ["lost", "completed"]
    assert second.process.poll() is None


async def test_a_worker_goes_on_when_redis_comes_back(start_worker: StartWorker, tcp_queues, tmp_path: Path):
    own = Server("--appendonly", "yes", "--appendfsync", "always")
    worker = WorkerProcess(own.url, LEASE_SECONDS="2")
    from shared.settings import TcpTarget
    from shared.transports.tcp import TcpTransport

    engine = TaskQueue(TcpTransport(TcpTarget(own.url)))
    try:
        await worker.ready()
        await reaches(engine, (await submit(engine, "noop", {}))[0], COMPLETED)
        own.kill()
        await worker.says("waiting for wake-ups failed")
        own.start()

        async def submitted() -> str:
            try:
                return (await submit(engine, "noop", {}))[0]
            except Exception:
                return ""

        task_id = await wait_until(submitted, describe="a submission is taken again")
        await reaches(engine, task_id, COMPLETED)
    finally:
        worker.stop()
        await engine.transport.close()
        own.stop()


async def test_health_and_metrics(engine: TaskQueue, start_worker: StartWorker):
    port = free_port()
    await start_worker(HEALTH_PORT=str(port), HEALTH_HOST="127.0.0.1").ready()
    await reaches(engine, (await submit(engine, "noop", {}))[0], COMPLETED)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
        health = await client.get("/health")
        metrics = await client.get("/metrics")
        missing = await client.get("/nothing")
    assert health.status_code == 200
    assert health.json()["slots"] == 20
    assert 'dtq_attempts_total{outcome="completed",task_type="noop"} 1.0' in metrics.text
    assert missing.status_code == 404


async def test_a_taken_health_port_is_a_warning(engine: TaskQueue, start_worker: StartWorker, server: Server):
    worker = await start_worker(HEALTH_PORT=str(server.port), HEALTH_HOST="127.0.0.1").ready()
    await worker.says("health port is taken")
    await reaches(engine, (await submit(engine, "noop", {}))[0], COMPLETED)


async def test_a_blocked_loop_keeps_its_lease_and_is_named(
    engine: TaskQueue, start_worker: StartWorker, effects: Path
):
    worker = await start_worker().ready()
    other = await start_worker().ready()
    (task_id,) = await submit(engine, "block", {"seconds": 4.5})
    task = await reaches(engine, task_id, COMPLETED)
    assert task.attempt == 1
    names = [line for line in (worker.lines + other.lines).splitlines() if "blocks the event loop" in line]
    assert len(names) == 1
    assert "time.sleep" in names[0]


async def test_a_pool_restarts_a_killed_process_and_stops_as_one(
    engine: TaskQueue, start_worker: StartWorker
):
    port = free_port()
    pool = start_worker("--processes", "2", HEALTH_PORT=str(port), HEALTH_HOST="127.0.0.1")
    await pool.ready(2)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
        report = (await client.get("/health")).json()
        assert (report["alive"], report["healthy"]) == (2, 2)
        victim = int(report["workers"][0]["worker"].split("-")[-2])
        import os

        os.kill(victim, signal.SIGKILL)
        await pool.ready(3)
        ids = await submit(engine, "noop", {}, count=30)
        await all_are(engine, ids, COMPLETED)

        async def summed() -> bool:
            text = (await client.get("/metrics")).text
            return 'dtq_attempts_total{outcome="completed",task_type="noop"} 30.0' in text

        await wait_until(summed, describe="the pool adds up its processes")
    pool.send(signal.SIGTERM)
    assert await pool.ended() == 0
    assert pool.lines.count('"stopped"') == 2


async def test_reload_runs_the_new_code(
    engine: TaskQueue, start_worker: StartWorker, tmp_path: Path, monkeypatch
):
    module = tmp_path / "reloaded_handlers.py"
    text = (
        "from worker_host.handlers import register_handler\n"
        "@register_handler('answer')\n"
        "async def answer(payload: dict) -> dict:\n"
        "    return {'answer': 41}\n"
    )
    module.write_text(text)
    worker = start_worker("--handlers", "reloaded_handlers", "--reload", PYTHONPATH=str(tmp_path))
    await worker.ready()
    (first,) = await submit(engine, "answer", {})
    assert (await reaches(engine, first, COMPLETED)).result == {"answer": 41}
    await asyncio.to_thread(module.write_text, text.replace("41", "42"))
    await worker.ready(2)
    (second,) = await submit(engine, "answer", {})
    assert (await reaches(engine, second, COMPLETED)).result == {"answer": 42}
    await asyncio.to_thread(module.write_text, text + "this is no python\n")
    await worker.says("cannot be imported")
    await asyncio.to_thread(module.write_text, text.replace("41", "43"))
    await worker.ready(3)
    (third,) = await submit(engine, "answer", {})
    assert (await reaches(engine, third, COMPLETED)).result == {"answer": 43}


async def test_sighup_restarts_the_processes_one_after_the_other(
    engine: TaskQueue, start_worker: StartWorker
):
    pool = start_worker("--processes", "2")
    await pool.ready(2)
    (task_id,) = await submit(engine, "sleep", {"seconds": 1})
    pool.send(signal.SIGHUP)
    await pool.ready(4)
    lines = [line for line in pool.lines.splitlines() if '"worker ready"' in line or '"stopped"' in line]
    kinds = ["ready" if "worker ready" in line else "stopped" for line in lines]
    assert kinds == ["ready", "ready", "stopped", "ready", "stopped", "ready"]
    assert (await engine.get(task_id)).status is COMPLETED
    pool.send(signal.SIGTERM)
    assert await pool.ended() == 0


async def test_a_release_that_does_not_start_takes_one_process_and_no_more(
    engine: TaskQueue, start_worker: StartWorker, tmp_path
):
    module = tmp_path / "released_handlers.py"
    text = (
        "from worker_host.handlers import register_handler\n\n"
        '@register_handler("answer")\nasync def answer(payload: dict) -> dict:\n    return {"answer": 41}\n'
    )
    module.write_text(text)
    pool = start_worker("--processes", "2", "--handlers", "released_handlers", PYTHONPATH=str(tmp_path))
    await pool.ready(2)
    await asyncio.to_thread(module.write_text, "this is no python\n")
    pool.send(signal.SIGHUP)
    await pool.says("a worker process ended")
    (first,) = await submit(engine, "answer", {})
    assert (await reaches(engine, first, COMPLETED)).result == {"answer": 41}
    assert pool.lines.count('"stopped"') == 1
    await asyncio.to_thread(module.write_text, text.replace("41", "42"))
    await pool.ready(4)
    (second,) = await submit(engine, "answer", {})
    assert (await reaches(engine, second, COMPLETED)).result == {"answer": 42}
    pool.send(signal.SIGTERM)
    assert await pool.ended() == 0


async def test_sighup_restarts_a_single_worker_in_place(engine: TaskQueue, start_worker: StartWorker):
    worker = await start_worker().ready()
    worker.send(signal.SIGHUP)
    await worker.ready(2)
    await reaches(engine, (await submit(engine, "noop", {}))[0], COMPLETED)
    worker.send(signal.SIGTERM)
    assert await worker.ended() == 0


async def test_all_of_a_hundred_slots_are_filled_at_once(engine: TaskQueue, start_worker: StartWorker):
    """They waited before the worker came, so that no wake-up follows the first half."""
    await submit(engine, "sleep", {"seconds": 60}, count=100)
    worker = start_worker("--concurrency", "100", GRACE_SECONDS="0")

    async def are_all_running() -> bool:
        return (await engine.overview()).counts["running"] == 100

    await wait_until(are_all_running, describe="all hundred run", timeout_s=20)
    worker.send(signal.SIGTERM)
    await wait_until(lambda: worker.process.poll() == 0, describe="the worker ends", timeout_s=20)
    counts = (await engine.overview()).counts
    assert (counts["pending"], counts["running"]) == (100, 0)

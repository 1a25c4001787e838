"""What a worker makes of each way a handler can end, in each place it can run."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from shared.jobs import JobFilter, JobKind, JobPace, JobState
from shared.models import ScheduleSpec, TaskStatus, TaskSubmission
from shared.queue import TaskQueue
from tests.support.waiting import wait_until
from tests.worker_host.conftest import reaches

COMPLETED, DEAD, RUNNING = TaskStatus.COMPLETED, TaskStatus.DEAD, TaskStatus.RUNNING


async def submit(engine: TaskQueue, task_type: str, payload: dict, **fields) -> str:
    (task,) = await engine.submit([TaskSubmission(task_type=task_type, payload=payload, **fields)])
    return task.id


async def test_every_way_of_returning(engine: TaskQueue, one_worker: Path):
    big = 2**80 + 1
    ids = {
        "echo": await submit(engine, "echo", {"n": big, "text": "žluťoučký\u2028"}),
        "thread": await submit(engine, "thread", {}),
        "process": await submit(engine, "process", {}),
        "person": await submit(engine, "person", {"name": "Ada"}),
        "large": await submit(engine, "echo", {"text": "y" * 100_000}),
    }
    tasks = {name: await reaches(engine, task_id, COMPLETED) for name, task_id in ids.items()}
    assert tasks["echo"].result == {"payload": {"n": big, "text": "žluťoučký\u2028"}, "attempt": 1}
    assert tasks["thread"].result["thread"] is True
    assert tasks["process"].result["pid"] != tasks["thread"].result["pid"]
    assert tasks["person"].result == {"hello": "Ada", "age": 0}
    assert tasks["large"].result["payload"]["text"] == "y" * 100_000


@pytest.mark.parametrize(
    ("task_type", "payload", "error", "message"),
    [
        ("raise", {"kind": "value"}, "ValueError", "it broke"),
        ("raise", {"kind": "exit"}, "SystemExit", "3"),
        ("raise", {"kind": "surrogate"}, "ValueError", "bad ? text"),
        ("raise", {"kind": "mute"}, "Mute", "its message cannot be read"),
        ("raise", {"kind": "snooze_nan"}, "ValueError", "NaN"),
        ("raise", {"kind": "snooze_none"}, "TypeError", "NoneType"),
        ("process", {"raise": True}, "ValueError", "from the child"),
        ("process", {"mute": True}, "Mute", "its message cannot be read"),
        ("process", {"signal": int(signal.SIGKILL)}, "WorkerProcessDied", "signal 9"),
        ("process", {"allocate_mb": 4096}, "MemoryError", ""),
        ("process", {"signal": int(signal.SIGSEGV)}, "WorkerProcessDied", "signal 11"),
        ("person", {"name": "Ada", "size": 3}, "Reject", "payload.size"),
        ("bad_result", {"kind": "bytes"}, "InvalidInput", "not JSON"),
        ("bad_result", {"kind": "object"}, "InvalidInput", "not JSON"),
        ("bad_result", {"kind": "set"}, "InvalidInput", "not JSON"),
        ("bad_result", {"kind": "nan"}, "InvalidInput", "JSON"),
        ("bad_result", {"kind": "surrogate"}, "InvalidInput", "surrogate"),
        ("bad_result", {"kind": "large"}, "InvalidInput", "262144 bytes"),
    ],
)
async def test_what_goes_wrong_is_a_failed_attempt(
    engine: TaskQueue, one_worker: Path, task_type: str, payload: dict, error: str, message: str
):
    task_id = await submit(engine, task_type, payload, max_retries=0)
    task = await reaches(engine, task_id, DEAD)
    assert task.error is not None
    assert task.error.type == error
    assert message in task.error.message
    # and the worker goes on
    await reaches(engine, await submit(engine, "noop", {}), COMPLETED)


async def test_a_failure_is_retried_and_a_reject_is_not(engine: TaskQueue, one_worker: Path):
    retry = {"initial_seconds": 0.02, "jitter": "none"}
    twice = await submit(engine, "raise", {"kind": "value", "times": 2}, retry=retry)
    rejected = await submit(engine, "raise", {"kind": "reject"})
    in_child = await submit(engine, "process", {"reject": True})
    asked = await submit(engine, "raise", {"kind": "retry_after", "times": 1})
    task = await reaches(engine, twice, COMPLETED)
    assert [(attempt.attempt, attempt.outcome) for attempt in task.attempts] == [
        (1, "failed"), (2, "failed"), (3, "completed")
    ]  # fmt: skip
    assert task.result == {"attempt": 3}
    assert (await reaches(engine, rejected, DEAD)).attempts[-1].outcome == "rejected"
    assert (await reaches(engine, in_child, DEAD)).attempt == 1
    assert (await reaches(engine, asked, COMPLETED)).attempt == 2
    assert one_worker.read_text().count(f"raise {rejected}") == 1


@pytest.mark.parametrize("kind", ["snooze", "rate_limited"])
async def test_coming_back_later_spends_no_attempt(engine: TaskQueue, one_worker: Path, kind: str):
    task_id = await submit(engine, "raise", {"kind": kind, "times": 1}, max_retries=0)
    task = await reaches(engine, task_id, COMPLETED)
    assert task.attempt == 1


@pytest.mark.parametrize("task_type", ["sleep", "process", "thread"])
async def test_a_timeout_ends_the_attempt(engine: TaskQueue, one_worker: Path, task_type: str):
    task_id = await submit(engine, task_type, {"seconds": 3}, max_retries=0, timeout_seconds=0.3)
    task = await reaches(engine, task_id, DEAD)
    assert task.error is not None
    assert task.error.type == "TaskTimeout"
    assert "0.3 s" in task.error.message
    if task_type == "sleep":
        assert f"cancelled {task_id}" in one_worker.read_text()


@pytest.mark.parametrize("task_type", ["sleep", "process"])
async def test_a_running_task_is_cancelled_while_the_worker_waits(
    engine: TaskQueue, one_worker: Path, task_type: str
):
    task_id = await submit(engine, task_type, {"seconds": 60})
    await reaches(engine, task_id, RUNNING)
    assert await engine.cancel(task_id) is RUNNING
    task = await reaches(engine, task_id, TaskStatus.CANCELLED, timeout_s=3)
    assert task.attempts[-1].outcome == "cancelled"
    if task_type == "sleep":
        assert f"cancelled {task_id}" in one_worker.read_text()


async def test_a_delayed_task_starts_on_time_in_a_sleeping_worker(engine: TaskQueue, one_worker: Path):
    task = await reaches(engine, await submit(engine, "noop", {}, delay_seconds=1.2), COMPLETED)
    late_s = (task.started_at - task.run_at).total_seconds()  # type: ignore[operator]
    assert 0 <= late_s < 1


@pytest.mark.parametrize("task_type", ["notes", "process_notes"])
async def test_progress_is_seen_while_the_handler_runs_and_kept_after(
    engine: TaskQueue, one_worker: Path, task_type: str
):
    task_id = await submit(engine, task_type, {"seconds": 1.5})

    async def progress() -> dict | None:
        task = await engine.get(task_id)
        return task.progress if task.status is RUNNING else None

    seen = await wait_until(progress, describe="progress of a running task")
    assert seen["fraction"] in (0.25, 0.5)
    task = await reaches(engine, task_id, COMPLETED)
    assert [line["message"] for line in task.logs] == [{"notes": "began"}.get(task_type, "in the child")]
    assert task.progress["fraction"] == {"notes": 0.75}.get(task_type, 0.5)


@pytest.mark.parametrize("pace", [JobPace(), JobPace(first=1, per_second=100)])
async def test_sleeping_workers_do_bulk_operations(engine: TaskQueue, one_worker: Path, pace: JobPace):
    """Dead tasks begin anew with a payload that works: at once, or one first and the rest at a pace."""
    ids = [await submit(engine, "raise", {"kind": "value"}, max_retries=0) for _ in range(120)]
    for task_id in ids:
        await reaches(engine, task_id, DEAD)
    job_id = await engine.begin_job(
        JobKind.REQUEUE,
        JobFilter(task_type="raise"),
        by="test",
        pace=pace,
        payload={"kind": "value", "times": 0},
    )

    async def ended() -> bool:
        return (await engine.get_job(job_id)).state is not JobState.RUNNING

    await wait_until(ended, describe="the bulk operation ends")
    job = await engine.get_job(job_id)
    assert (job.state, job.done, job.skipped, job.missing) == (JobState.DONE, 120, 0, 0)
    for task_id in ids:
        await reaches(engine, task_id, COMPLETED)


async def test_a_schedule_fires_in_a_sleeping_worker(engine: TaskQueue, one_worker: Path):
    now = (await engine.overview()).now
    spec = ScheduleSpec(interval_seconds=1.0, task=TaskSubmission(task_type="echo", payload={"n": 5}))
    await engine.save_schedule("each-second", spec, by="test", now=now)

    async def ran() -> bool:
        return (await engine.overview()).counts["completed"] >= 2

    await wait_until(ran, describe="two fires")
    await engine.delete_schedule("each-second", by="test")

    async def idle() -> bool:
        counts = (await engine.overview()).counts
        return counts["pending"] + counts["running"] == 0

    await wait_until(idle, describe="the last one has ended")


@pytest.mark.parametrize("task_type", ["trace", "process_trace"])
async def test_a_handler_is_told_the_trace(engine: TaskQueue, one_worker: Path, task_type: str):
    traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    (traced,) = await engine.submit(
        [TaskSubmission(task_type=task_type, payload={})], traceparent=traceparent
    )
    task = await reaches(engine, traced.id, COMPLETED)
    assert task.result == {"traceparent": traceparent}
    untraced = await submit(engine, task_type, {}, timeout_seconds=5)
    assert (await reaches(engine, untraced, COMPLETED)).result == {"traceparent": None}

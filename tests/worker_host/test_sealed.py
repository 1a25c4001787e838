"""A worker with PAYLOAD_KEY: runs what is encrypted, encrypts what it returns, and says what it cannot open."""

from __future__ import annotations

import base64
import os
import signal
import subprocess
import sys

import pytest
import redis

from shared.models import TaskStatus
from shared.sealing import Sealer
from tests.conformance.test_sealed import stored_text
from tests.conftest import QueueFactory
from tests.support.factories import task
from tests.worker_host.conftest import StartWorker, reaches

KEYS = {name: name.encode().ljust(32, b"-") for name in ("old", "new")}
ENTRIES = {name: f"{name}:{base64.b64encode(key).decode()}" for name, key in KEYS.items()}
OLD = Sealer({"old": KEYS["old"]})
BOTH = Sealer({"new": KEYS["new"], "old": KEYS["old"]})
PLANTED = "planted-in-the-payload"


@pytest.mark.parametrize("size", [10, 20_000])
async def test_payload_and_result_are_encrypted(
    tcp_queues: QueueFactory, store: redis.Redis, start_worker: StartWorker, size: int
) -> None:
    queue = tcp_queues(sealer=OLD)
    await start_worker(PAYLOAD_KEY=ENTRIES["old"]).ready()
    payload = {"text": PLANTED, "fill": "x" * size}
    [echo, process] = await queue.submit([task(payload, task_type="echo"), task({}, task_type="process")])
    done = await reaches(queue, echo.id, TaskStatus.COMPLETED)
    assert done.result["payload"] == payload
    assert (await reaches(queue, process.id, TaskStatus.COMPLETED)).result["attempt"] == 1
    assert PLANTED not in stored_text(store)


async def test_keys_are_rotated_without_a_pause(tcp_queues: QueueFactory, start_worker: StartWorker) -> None:
    """The new key is added everywhere, then put first; what the old one encrypted is run on."""
    [before] = await tcp_queues().submit([task({"n": 0}, task_type="echo")])
    [first] = await tcp_queues(sealer=OLD).submit([task({"n": 1}, task_type="echo")])
    await start_worker(PAYLOAD_KEY=f"{ENTRIES['new']},{ENTRIES['old']}").ready()
    queue = tcp_queues(sealer=BOTH)
    [second] = await queue.submit([task({"n": 2}, task_type="echo")])
    for number, item in enumerate([before, first, second]):
        done = await reaches(queue, item.id, TaskStatus.COMPLETED)
        assert done.result["payload"] == {"n": number}


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("", "encrypted with the key 'old', which PAYLOAD_KEY does not hold"),
        (ENTRIES["new"], "encrypted with the key 'old', which PAYLOAD_KEY does not hold"),
        (ENTRIES["new"].replace("new:", "old:"), "does not open this body"),
    ],
)
async def test_a_missing_key_fails_the_task_and_loses_nothing(
    tcp_queues: QueueFactory, start_worker: StartWorker, entry: str, said: str
) -> None:
    queue = tcp_queues(sealer=OLD)
    [item] = await queue.submit([task({"n": 1}, task_type="echo", max_retries=0)])
    worker = await start_worker(PAYLOAD_KEY=entry).ready()
    dead = await reaches(queue, item.id, TaskStatus.DEAD)
    assert dead.error is not None
    assert dead.error.type == "Unreadable"
    assert said in dead.error.message
    assert dead.payload == {"n": 1}
    worker.send(signal.SIGTERM)
    await worker.ended()
    await start_worker(PAYLOAD_KEY=ENTRIES["old"]).ready()
    await queue.requeue_one(item.id, by="ops")
    assert (await reaches(queue, item.id, TaskStatus.COMPLETED)).result["payload"] == {"n": 1}


@pytest.mark.parametrize("processes", ["1", "2"])
def test_a_wrong_key_ends_the_worker_at_its_start(processes: str) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "worker_host", "--processes", processes],
        env={**os.environ, "REDIS_URL": "redis://127.0.0.1:1", "PAYLOAD_KEY": "a:c2hvcnQ="},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert run.returncode == 2
    assert "PAYLOAD_KEY: entry 1 must hold the base64 of exactly 32 bytes" in run.stderr
    assert "c2hvcnQ" not in run.stderr

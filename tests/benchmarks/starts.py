"""What a start costs: import of the API, the first answer of a function, and a worker's memory at rest."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

from tests.benchmarks.measure import fresh_server, scaled, show
from tests.support.workers import WorkerProcess

IMPORT = "import time; start = time.perf_counter(); import {}; print(time.perf_counter() - start)"
#: As the platform does it: import, start of the application, and the first request.
FIRST = """
import time; start = time.perf_counter()
from api.index import app
from starlette.testclient import TestClient
with TestClient(app) as client:
    client.get('/api/health')
print(time.perf_counter() - start)
"""


def run() -> None:
    """Each in processes of its own."""
    rounds = scaled(5)
    with fresh_server() as (server, _):
        environment = {**os.environ, "REDIS_URL": server.url, "DTQ_NAMESPACE": "test"}
        bare = _printed_ms(IMPORT.format("fastapi, pydantic"), environment, rounds)
        ours = _printed_ms(IMPORT.format("api.index"), environment, rounds)
        figures: dict[str, object] = {
            "python without anything, ms": _process_ms("pass", environment, rounds),
            "import of FastAPI with pydantic alone, ms": bare,
            "import of the API, ms": ours,
            "import of the API, of that alone": ours / bare,
            "function: import to first answer, ms": _printed_ms(FIRST, environment, rounds),
        }
        worker = WorkerProcess(server.url, DTQ_NAMESPACE="test", HEALTH_PORT="0")
        try:
            time.sleep(2)
            figures["worker process at rest, MB"] = _resident_mb(worker.process.pid)
        finally:
            worker.stop()
        show("Starts and memory", figures)


def _process_ms(code: str, environment: dict[str, str], rounds: int) -> float:
    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], env=environment, check=True)
        times.append(time.perf_counter() - started)
    return median(times) * 1000


def _printed_ms(code: str, environment: dict[str, str], rounds: int) -> float:
    command = [sys.executable, "-c", code]
    runs = [
        subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
        for _ in range(rounds)
    ]
    return median(float(one.stdout.split()[-1]) for one in runs) * 1000


def _resident_mb(pid: int) -> float:
    line = next(
        one for one in Path(f"/proc/{pid}/status").read_text().splitlines() if one.startswith("VmRSS")
    )
    return int(line.split()[1]) * 1024 / 1e6

"""The OpenAPI document against the running API: schemathesis with all its checks, over both transports.

SCHEMATHESIS_EXAMPLES says how many requests per operation, SCHEMATHESIS_SEED which; by default the run is short and
the same every day, so that what it finds is a change's doing.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import redis

from api.security.keys import digest_of
from tests.support.gateway import TOKEN, GatewayProcess
from tests.support.queues import NAMESPACE
from tests.support.server import Server, free_port

ROOT = Path(__file__).parents[2]
EXAMPLES = int(os.environ.get("SCHEMATHESIS_EXAMPLES", "3"))
SEED = os.environ.get("SCHEMATHESIS_SEED", "1")
KEY = "key-of-schemathesis"
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300 + 60 * EXAMPLES)]


@pytest.fixture(params=["tcp", "rest"])
def address(
    request: pytest.FixtureRequest, server: Server, store: redis.Redis, tmp_path: Path
) -> Iterator[str]:
    """The API as a server runs it, with one admin key."""
    port = free_port()
    where = {"REDIS_URL": server.url}
    if request.param == "rest":
        gateway: GatewayProcess = request.getfixturevalue("gateway")
        where = {"UPSTASH_REDIS_REST_URL": gateway.url, "UPSTASH_REDIS_REST_TOKEN": TOKEN}
    command = [
        sys.executable,
        "-m",
        "uvicorn",
        "api.index:app",
        "--port",
        str(port),
        "--log-level",
        "warning",
    ]
    keys = f"ops:admin:{digest_of(KEY.encode())}"
    environment = {"PATH": os.environ["PATH"], "DTQ_NAMESPACE": NAMESPACE, "API_KEYS": keys, **where}
    log = (tmp_path / "api.log").open("w+")
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT)
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_for(url, process)
        yield url
    finally:
        process.terminate()
        process.wait(10)
        log.seek(0)
        lines = log.read()
        log.close()
    assert "Traceback" not in lines, lines[-5000:]


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        try:
            httpx.get(f"{url}/api/health", trust_env=False).raise_for_status()
        except httpx.HTTPError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("the API did not start")


@pytest.mark.parametrize("authorization", [f"Bearer {KEY}", None])
def test_the_api_keeps_what_its_document_says(
    address: str, authorization: str | None, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{address}/api/openapi.json"]
    command += ["--checks", "all", "--max-examples", str(EXAMPLES), "--continue-on-failure", "--no-color"]
    command += ["--generation-database", "none", "--seed", SEED]
    command += ["--exclude-path", "/api/events"]  # an answer without an end; its poll is the same
    if authorization is not None:
        command += ["--header", f"Authorization: {authorization}"]
    environment = {
        **os.environ,
        "SCHEMATHESIS_HOOKS": "tests.support.schemathesis_hooks",
        "PYTHONPATH": str(ROOT),
    }
    run = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    print(run.stdout[-3000:])
    assert run.returncode == 0, run.stdout[-20_000:] + run.stderr[-2000:]
    assert "Tested: 0" not in run.stdout

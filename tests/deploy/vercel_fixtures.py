"""A built deployment, laid out and started: what the tests of `.ci/vercel.sh` share.

VERCEL_CHECKOUT names the built checkout, FUNCTION_PYTHON an interpreter of the function's version.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.deploy.launcher import Instance, unpack
from tests.support.gateway import TOKEN, GatewayProcess
from tests.support.server import Server

CHECKOUT = Path(os.environ["VERCEL_CHECKOUT"])
PYTHON = os.environ["FUNCTION_PYTHON"]
OUTPUT = CHECKOUT / ".vercel" / "output"
FUNCTION = OUTPUT / "functions" / "api" / "index.func"
KEY = "dtq_key-of-the-deployment-tests"


@pytest.fixture(scope="session")
def settings() -> dict[str, Any]:
    return json.loads((FUNCTION / ".vc-config.json").read_text("utf-8"))


@pytest.fixture(scope="session")
def config() -> dict[str, Any]:
    return json.loads((OUTPUT / "config.json").read_text("utf-8"))


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("function")
    unpack(CHECKOUT, FUNCTION, target)
    return target


@pytest.fixture(scope="session")
def bare(folder: Path) -> Iterator[Instance]:
    """A deployment right after the import: no variable is set."""
    instance = Instance(folder, PYTHON)
    yield instance
    instance.stop()


@pytest.fixture(scope="session")
def deployed(folder: Path, server: Server, gateway: GatewayProcess) -> Iterator[Instance]:
    """A deployment with the variables that VERCEL_DEPLOYMENT.md names."""
    instance = Instance(folder, PYTHON, variables(gateway))
    httpx.get(f"{instance.url}/api/health").raise_for_status()
    yield instance
    instance.stop()


@pytest.fixture
def client(deployed: Instance) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=deployed.url, headers={"Authorization": f"Bearer {KEY}"}) as client:
        yield client


def variables(gateway: GatewayProcess, prefix: str = "UPSTASH_REDIS_REST") -> dict[str, str]:
    digest = hashlib.sha256(KEY.encode()).hexdigest()
    return {
        f"{prefix}_URL": gateway.url,
        f"{prefix}_TOKEN": TOKEN,
        "API_KEYS": f"tests:admin:{digest}",
    }

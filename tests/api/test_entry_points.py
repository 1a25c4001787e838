"""What is imported, what a cold start loads, AWS Lambda, and the listening sockets."""

from __future__ import annotations

import ast
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from api.sockets import set_nodelay

ROOT = Path(__file__).parent.parent.parent
API = ROOT / "api"
_LOADED = (
    "import sys, json, api.index; print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"
)


def _loaded(**variables: str) -> set[str]:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **variables}
    run = subprocess.run(
        [sys.executable, "-c", _LOADED], env=environment, capture_output=True, text=True, check=True, cwd="/"
    )
    return set(json.loads(run.stdout))


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"REDIS_URL": "redis://127.0.0.1:1"},
        {"VERCEL": "1", "UPSTASH_REDIS_REST_URL": "https://x.example.org", "UPSTASH_REDIS_REST_TOKEN": "t"},
        {"API_KEYS": "nonsense", "MAX_BODY_BYTES": "nonsense"},
    ],
)
def test_a_cold_start_loads_no_client_no_handler_and_no_worker(variables: dict[str, str]) -> None:
    heavy = {
        "redis",
        "upstash_redis",
        "worker_host",
        "local",
        "jsonschema",
        "cryptography",
        "mangum",
        "uvicorn",
        "PIL",
        "polars",
    }
    assert _loaded(**variables) & heavy == set()


def _top_level_names(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names |= {alias.asname or alias.name for alias in node.names}
    return names


def test_there_is_one_function_to_deploy() -> None:
    """The platform makes a function of every file with such a name at its top level."""
    found = {
        str(path.relative_to(API)): names & {"app", "application"}
        for path in API.rglob("*.py")
        if (names := _top_level_names(path)) & {"app", "application", "Handler"}
    }
    assert found == {"index.py": {"app"}}


def test_a_lambda_event(monkeypatch: pytest.MonkeyPatch) -> None:
    code = "import json,sys; from api.aws_lambda import handler; print(json.dumps(handler(json.load(sys.stdin), None)))"
    event = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": "/api/health",
        "rawQueryString": "",
        "headers": {"host": "x.example.org"},
        "requestContext": {
            "http": {"method": "GET", "path": "/api/health", "sourceIp": "203.0.113.9"},
            "stage": "$default",
        },
        "isBase64Encoded": False,
    }
    run = subprocess.run(
        [sys.executable, "-c", code],
        input=json.dumps(event),
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "LOG_REQUESTS": "0"},
        capture_output=True,
        text=True,
        check=True,
    )
    answer = json.loads(run.stdout.splitlines()[-1])  # the line before it is the log
    assert answer["statusCode"] == 200
    assert json.loads(answer["body"]) == {"status": "ok"}


def test_tcp_sockets_get_nodelay() -> None:
    """Also one that was labelled as a Unix socket, as a platform's server does it."""
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as other:
        label = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, fileno=os.dup(listener.fileno()))
        with label:
            assert set_nodelay() >= 1
            assert listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            assert other.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            with socket.create_connection(listener.getsockname()):
                accepted, _ = listener.accept()
                with accepted:
                    assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


@pytest.mark.parametrize("is_set", [False, True])
async def test_only_on_the_platform(monkeypatch: pytest.MonkeyPatch, is_set: bool) -> None:
    from api.app import create_app

    called: list[int] = []
    monkeypatch.setattr("api.app.set_nodelay", lambda: called.append(1))
    monkeypatch.delenv("VERCEL_IPC_PATH", raising=False)
    if is_set:
        monkeypatch.setenv("VERCEL_IPC_PATH", "/tmp/ipc")
    app = create_app()
    async with app.router.lifespan_context(app):
        assert bool(called) is is_set

"""`python -m local.gateway` as a program."""

import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from local.gateway.__main__ import _parser, main
from local.supervisor import Options, Supervisor
from tests.local.conftest import TOKEN, GatewayProcess, RedisProcess


@pytest.mark.parametrize("stop_signal", [signal.SIGTERM, signal.SIGINT])
def test_it_says_where_it_listens_and_stops_without_a_word(
    redis_process: RedisProcess, stop_signal: signal.Signals
) -> None:
    gateway = GatewayProcess(redis_process.url)
    assert gateway.banner.startswith("gateway: listening on http://127.0.0.1:")
    assert httpx.get(f"{gateway.url}/ping?_token={TOKEN}").json() == {"result": "PONG"}
    gateway.process.send_signal(stop_signal)
    assert gateway.process.communicate(timeout=10) == ("", "")
    assert gateway.process.returncode in (0, -stop_signal)


def test_it_starts_without_redis_and_answers_503(tmp_path: object) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    gateway = GatewayProcess(f"redis://127.0.0.1:{port}")
    response = httpx.get(f"{gateway.url}/ping?_token={TOKEN}")
    assert (response.status_code, list(response.json())) == (503, ["error"])
    assert gateway.stop() == ""


def test_a_taken_port_is_said_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert main(["--port", port, "--redis-url", "redis://localhost", "--token", "t"]) == 2
    assert capsys.readouterr().err.startswith("gateway: cannot start: ")


@pytest.mark.parametrize(("url", "token"), [("mysql://localhost", "t"), ("redis://localhost", "")])
def test_wrong_settings_are_said_in_one_line(
    capsys: pytest.CaptureFixture[str], url: str, token: str
) -> None:
    assert main(["--port", "0", "--redis-url", url, "--token", token]) == 2
    error = capsys.readouterr().err
    assert error.startswith("gateway: cannot start: ")
    assert error.count("\n") == 1


def test_it_stands_alone() -> None:
    """Importing the gateway loads no other part of the product."""
    code = "import sys, local.gateway; print(*(m for m in sys.modules if m.split('.')[0] in {'api', 'shared', 'worker_host'}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_a_local_run_may_draw_a_token_that_begins_with_a_dash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("secrets.token_urlsafe", lambda _: "-drawn")
    options = Options(
        port=0, data=tmp_path, has_worker=True, has_reload=False, is_dev=False, handlers=(), lease_seconds=5.0
    )
    command = Supervisor(options)._gateway_command("redis://localhost")
    assert _parser().parse_args(command[3:]).token == "-drawn"

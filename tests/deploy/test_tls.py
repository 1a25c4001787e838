"""`rediss://` with a CA of one's own: accepted when it is named, refused with one clear line when not."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import uvloop

from shared.errors import SettingsError, StoreRefused, StoreUnavailable
from shared.models import TaskStatus, TaskSubmission
from shared.queue import QueueOptions, TaskQueue
from shared.settings import RestTarget, Settings, TcpTarget, tcp_target
from shared.transports.rest import RestTransport
from shared.transports.tcp import TcpTransport
from tests.deploy.tls import TlsRedis
from tests.support.echoes import check_echoes
from tests.support.waiting import wait_until

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TlsRedis]:
    running = TlsRedis(tmp_path_factory.mktemp("tls"))
    yield running
    running.stop()


def _worker(url: str, **variables: str) -> subprocess.Popen[str]:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "REDIS_URL": url, **variables}
    return subprocess.Popen(
        [sys.executable, "-m", "worker_host", "--handlers", "tests.support.handlers"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("is_named_in_url", [True, False], ids=["ssl_ca_certs", "SSL_CERT_FILE"])
async def test_a_worker_and_a_caller_meet_over_tls(tls: TlsRedis, is_named_in_url: bool) -> None:
    named = tls.url(ca=tls.authority.file)
    variables = {} if is_named_in_url else {"SSL_CERT_FILE": str(tls.authority.file)}
    worker = _worker(named if is_named_in_url else tls.url(), **variables)
    transport = TcpTransport(TcpTarget(named))
    queue = TaskQueue(transport, QueueOptions())
    try:
        [submitted] = await queue.submit([TaskSubmission(task_type="noop", payload={})])

        async def is_done() -> bool:
            return (await queue.get(submitted.id)).status is TaskStatus.COMPLETED

        await wait_until(is_done, describe="the task completes", timeout_s=20, pause_s=0.05)
    finally:
        worker.terminate()
        out, err = worker.communicate(timeout=20)
        await transport.close()
    assert worker.returncode == 0, out + err


@pytest.mark.parametrize(
    ("host", "authority", "reason"),
    [
        ("localhost", None, "self-signed certificate in certificate chain"),
        ("localhost", "stranger", "self-signed certificate in certificate chain"),
        ("127.0.0.1", "authority", "IP address mismatch, certificate is not valid for '127.0.0.1'"),
    ],
    ids=["no-ca", "wrong-ca", "wrong-host"],
)
async def test_what_is_not_trusted_is_refused_in_one_line(
    tls: TlsRedis, host: str, authority: str | None, reason: str
) -> None:
    url = tls.url(host, ca=getattr(tls, authority).file if authority else None)
    transport = TcpTransport(TcpTarget(url))
    with pytest.raises(StoreRefused, match=reason):
        await transport.command("PING")
    await transport.close()

    worker = _worker(url)
    _, told = worker.communicate(timeout=20)
    assert worker.returncode == 2
    assert told.splitlines() == [told.strip()]
    assert told.startswith(f"worker: Redis's certificate is not accepted: {reason}. ")
    assert "SSL_CERT_FILE" in told


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_answers_of_any_size_and_many_at_once(
    tls: TlsRedis, new_loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    """What one read of the socket brought may be several records of TLS."""
    check_echoes(new_loop, lambda: TcpTransport(TcpTarget(tls.url(ca=tls.authority.file))))


async def test_rest_says_the_same(tls: TlsRedis) -> None:
    transport = RestTransport(RestTarget(f"https://localhost:{tls.port}", "token"))
    with pytest.raises(StoreRefused, match="certificate is not accepted: self-signed"):
        await transport.command("PING")
    await transport.close()


async def test_without_tls_the_doctor_asks_for_two_s(tls: TlsRedis) -> None:
    url = tls.url(scheme="redis")
    transport = TcpTransport(TcpTarget(url))
    with pytest.raises(StoreUnavailable):
        await transport.command("PING")
    await transport.close()
    assert "fix: Does it speak TLS? Then write rediss://." in _doctor(url)


def test_the_doctor_finds_all_well_on_a_redis_of_its_own(tls: TlsRedis) -> None:
    """Debian's Redis 7.0, the oldest that is tried: it has every feature that the scripts use."""
    told = _doctor(tls.url(ca=tls.authority.file))
    assert "every feature that our scripts use is there" in told
    assert "This deployment is healthy" in told, told


def _doctor(url: str) -> str:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "REDIS_URL": url}
    command = [sys.executable, "-m", "shared.doctor"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False).stdout


def test_a_file_of_certificates_that_is_not_there_is_named() -> None:
    settings = Settings(redis_url="rediss://host:6379?ssl_ca_certs=/nowhere/ca.crt")
    with pytest.raises(SettingsError, match=r"names ssl_ca_certs=/nowhere/ca\.crt, where no file is"):
        tcp_target(settings)

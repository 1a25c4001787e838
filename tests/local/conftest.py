"""A real server, a real gateway process in front of it, and a fake Redis for what a real one cannot be made to do."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import httpx
import pytest

from local import embedded

TOKEN = "full-token"
READ_ONLY_TOKEN = "read-only-token"


def wait_until(condition: Callable[[], bool], what: str, timeout_s: float = 10) -> None:
    """Poll until a condition holds; fail by name when it does not."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {timeout_s} s")
        time.sleep(0.01)


async def eventually(condition: Callable[[], Awaitable[bool]], what: str, timeout_s: float = 10) -> None:
    """Like `wait_until`, for a condition that must be awaited."""
    deadline = time.monotonic() + timeout_s
    while not await condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {timeout_s} s")
        await asyncio.sleep(0.01)


class RedisProcess:
    """One server process on a port that survives restarts."""

    def __init__(self, folder: Path, *options: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        self._command = [
            str(embedded.program()),
            "--port",
            str(self.port),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
        ]
        self._command += ["--dir", str(folder), "--loglevel", "warning", *options]
        self.start()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def start(self) -> None:
        environment = {**os.environ, **embedded.ENVIRONMENT}
        self._process = subprocess.Popen(self._command, env=environment, stdout=subprocess.DEVNULL)
        wait_until(self._answers, "valkey-server answers")

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def pause(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def _answers(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1) as link:
            link.sendall(b"PING\r\n")
            return bool(link.recv(64))
        return False


class GatewayProcess:
    """`python -m local.gateway` as a user starts it."""

    def __init__(self, redis_url: str, *options: str) -> None:
        command = [sys.executable, "-m", "local.gateway", "--port", "0", "--redis-url", redis_url]
        command += ["--token", TOKEN, "--read-only-token", READ_ONLY_TOKEN, *options]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.banner = self.process.stdout.readline()
        self.url = self.banner.strip().rpartition(" ")[2]

    def stop(self) -> str:
        """Ask it to stop; return what it wrote to stderr."""
        self.process.terminate()
        return self.process.communicate(timeout=10)[1]


Respond = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]


class FakeRedis:
    """Records what it receives and answers as told."""

    def __init__(self, respond: Respond) -> None:
        self._respond = respond
        self._writers: list[asyncio.StreamWriter] = []
        self.received: list[bytes] = []
        self.hung_up = asyncio.Event()

    @property
    def connections(self) -> int:
        return len(self._writers)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        try:
            with contextlib.suppress(ConnectionError):
                while data := await reader.read(65536):
                    self.received.append(data)
                    await self._respond(data, writer)
            self.hung_up.set()
        finally:
            writer.close()

    async def close(self) -> None:
        for writer in self._writers:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()


@contextlib.asynccontextmanager
async def fake_redis(respond: Respond) -> AsyncIterator[tuple[FakeRedis, str]]:
    """Run a fake Redis; yield it with its URL."""
    fake = FakeRedis(respond)
    server = await asyncio.start_server(fake.serve, "127.0.0.1", 0)
    async with server:
        try:
            yield fake, f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        finally:
            await fake.close()


def client_of(app: object) -> httpx.AsyncClient:
    """A client that calls an ASGI application in this process, with the full token."""
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app),  # type: ignore[arg-type]
        base_url="http://gateway",
        headers={"Authorization": f"Bearer {TOKEN}"},
    )


@pytest.fixture(scope="session")
def redis_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisProcess]:
    """The server of the tests that leave it alive."""
    process = RedisProcess(tmp_path_factory.mktemp("redis"))
    yield process
    process.kill()


@pytest.fixture
def mortal_redis(tmp_path: Path) -> Iterator[RedisProcess]:
    """A server of the test's own, to be killed and paused."""
    process = RedisProcess(tmp_path)
    yield process
    process.resume()
    process.kill()


@pytest.fixture(scope="session")
def gateway_url(redis_process: RedisProcess) -> Iterator[str]:
    """The address of a gateway process; by the end of the session it must not have met an error of its own."""
    gateway = GatewayProcess(redis_process.url)
    yield gateway.url
    assert set(gateway.stop().splitlines()) <= {"WARNING:  Invalid HTTP request received."}


@pytest.fixture
async def http(gateway_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """A plain HTTP client with the full token."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(base_url=gateway_url, headers=headers, timeout=10) as client:
        yield client


@pytest.fixture
def key() -> str:
    """A key that no other test uses."""
    return f"key-{uuid.uuid4().hex}"

"""The local run: Redis, gateway, API and worker as one process tree with merged lines."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import secrets
import signal
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import TextIO

import httpx

from local import embedded
from local.part import Part
from local.ports import free_port

START_TIMEOUT_S = 60.0


class StartError(Exception):
    """The local run could not start; the message is for the person at the terminal."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asks for.

    Attributes:
        port: of API and dashboard; the next free one is taken when it is not free.
        data: folder of the append-only file, the outbox and the storage.
        has_worker: start a worker, too.
        has_reload: restart the worker when a handler's file changes.
        is_dev: the dashboard by Vite, and the API anew when its sources change.
        handlers: modules of handlers beside the built-in ones.
        lease_seconds: of the worker; short, so that a killed one is seen to recover.
    """

    port: int
    data: Path
    has_worker: bool
    has_reload: bool
    is_dev: bool
    handlers: tuple[str, ...]
    lease_seconds: float


class Supervisor:
    """Starts the parts in order, tells when all is ready, and stops them in reverse order."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._parts: list[Part] = []
        self._stop = asyncio.Event()
        self.redis_port = free_port(6399)
        self.gateway_port = free_port(8079)
        self.port = free_port(options.port)
        self.vite_port = free_port(5173) if options.is_dev else 0
        self._token = secrets.token_urlsafe(24)

    @property
    def address(self) -> str:
        """Of the API and the dashboard."""
        return f"http://127.0.0.1:{self.port}"

    async def run(self) -> int:
        """Run until SIGINT or SIGTERM; returns the exit code."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._stop.set)
        lock = _lock(self._options.data)
        try:
            await self._start()
            await self._stop.wait()
            _write("stopping …")
        except StartError as error:
            sys.stderr.write(f"\nlocal: {error}\n")
            return 1
        finally:
            for part in reversed(self._parts):
                await part.stop(10 if part.name == "worker" else 5)
            lock.close()
        return 0

    async def _start(self) -> None:
        started = monotonic()
        redis_url = f"redis://127.0.0.1:{self.redis_port}/0"
        await self._add("redis", self._redis_command(), embedded.ENVIRONMENT, embedded.is_advice)
        await self._until(self._redis_answers, "Redis")
        await self._add("gateway", self._gateway_command(redis_url), {})
        await self._add("api", self._api_command(), self._api_environment())
        if self._options.has_worker:
            await self._add("worker", self._worker_command(), self._worker_environment(redis_url))
        if self._options.is_dev:
            await self._add("vite", self._vite_command(), {"API_URL": self.address})
        await self._until(self._all_ready, "the API and the worker")
        _write(banner(self, monotonic() - started))

    def _redis_command(self) -> list[str]:
        folder = self._options.data / "redis"
        folder.mkdir(parents=True, exist_ok=True)
        options = ["--bind", "127.0.0.1", "--port", str(self.redis_port), "--dir", str(folder), "--save", ""]
        options += ["--appendonly", "yes", "--appendfsync", "everysec", "--maxmemory-policy", "noeviction"]
        return [str(embedded.program()), *options, "--loglevel", "warning"]

    def _gateway_command(self, redis_url: str) -> list[str]:
        # In one word: a token may begin with a dash.
        words = ["--port", str(self.gateway_port), "--redis-url", redis_url, f"--token={self._token}"]
        return _python("local.gateway", *words)

    def _api_command(self) -> list[str]:
        words = ["--port", str(self.port)]
        return _python("local.server", *words, *(["--reload"] if self._options.is_dev else []))

    def _vite_command(self) -> list[str]:
        script = str(Path(__file__).parent.parent / "frontend" / "build.sh")
        return ["sh", script, "dev", "--host", "127.0.0.1", "--port", str(self.vite_port), "--strictPort"]

    def _api_environment(self) -> dict[str, str]:
        return {
            "UPSTASH_REDIS_REST_URL": f"http://127.0.0.1:{self.gateway_port}",
            "UPSTASH_REDIS_REST_TOKEN": self._token,
            # The dashboard polls: its lines would bury all others.
            "LOG_REQUESTS": os.environ.get("LOG_REQUESTS", "0"),
        }

    def _worker_command(self) -> list[str]:
        words = [word for module in self._options.handlers for word in ("--handlers", module)]
        return _python("worker_host", *words, *(["--reload"] if self._options.has_reload else []))

    def _worker_environment(self, redis_url: str) -> dict[str, str]:
        data = self._options.data
        ours = {
            "LEASE_SECONDS": f"{self._options.lease_seconds:g}",
            "LOG_FORMAT": "text",
            "OUTBOX_DIR": str(data / "outbox"),
            "STORAGE_URL": f"file:{data / 'storage'}",
        }
        return {"REDIS_URL": redis_url, **{name: os.environ.get(name, value) for name, value in ours.items()}}

    async def _add(
        self,
        name: str,
        command: list[str],
        environment: dict[str, str],
        is_left_out: Callable[[str], bool] = lambda line: False,
    ) -> None:
        part = Part(name, command, environment, _write, is_left_out)
        self._parts.append(part)
        await part.start()

    async def _until(self, is_ready: Callable[[], Awaitable[bool]], what: str) -> None:
        deadline = monotonic() + START_TIMEOUT_S
        while not await is_ready():
            if self._stop.is_set():
                raise StartError("stopped before everything had started")
            if monotonic() > deadline:
                raise StartError(
                    f"{what} did not start within {START_TIMEOUT_S:g} s; the lines above say why"
                )
            await asyncio.sleep(0.05)

    async def _redis_answers(self) -> bool:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.redis_port)
            with contextlib.closing(writer):
                writer.write(b"PING\r\n")
                answer = await asyncio.wait_for(reader.readline(), 1)
        except (OSError, TimeoutError):
            return False
        return answer.startswith(b"+PONG")  # while it loads its file, it says so instead

    async def _all_ready(self) -> bool:
        async with httpx.AsyncClient(base_url=self.address, trust_env=False, timeout=5) as client:
            try:
                ready = await client.get("/api/ready")
                overview = await client.get("/api/overview")
            except httpx.HTTPError:
                return False
            if self._options.is_dev and not await self._vite_answers():
                return False
        if ready.status_code != 200 or overview.status_code != 200:
            return False
        return not self._options.has_worker or bool(overview.json()["workers"])

    async def _vite_answers(self) -> bool:
        async with httpx.AsyncClient(trust_env=False, timeout=5) as client:
            try:
                return (await client.get(f"http://127.0.0.1:{self.vite_port}/")).status_code == 200
            except httpx.HTTPError:
                return False


def _python(module: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", module, *arguments]


def _lock(data: Path) -> TextIO:
    """Hold the data folder: two servers on one append-only file would destroy it.

    Raises:
        StartError: another local run holds it.
    """
    data.mkdir(parents=True, exist_ok=True)
    file = (data / "lock").open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise StartError(
            f"another local run uses {data}; stop it, or choose another folder with --data"
        ) from None
    return file


def _write(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def banner(supervisor: Supervisor, seconds: float) -> str:
    """What a person needs next: addresses, and a first task to paste."""
    address = supervisor.address
    dashboard = f"http://127.0.0.1:{supervisor.vite_port}" if supervisor.vite_port else address
    return f"""
  dtq is ready ({seconds:.1f} s)

    Dashboard   {dashboard}
    API docs    {address}/docs
    Redis       redis://127.0.0.1:{supervisor.redis_port}   (REST: http://127.0.0.1:{supervisor.gateway_port})
    Key         none needed from this machine

  Your first task:

    curl -s {address}/api/tasks -H 'Content-Type: application/json' \\
      -d '{{"task_type": "hello", "payload": {{"name": "Ada"}}}}'

  Edit local/my_handlers.py and save: the worker runs the new code. Ctrl-C stops everything.
"""

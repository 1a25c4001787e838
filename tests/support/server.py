"""A real Valkey for tests: the embedded server, started once per session on a free port."""

from __future__ import annotations

import os
import random
import socket
import subprocess
import tempfile
import time

import redis

from local import embedded

#: Of the port by which nodes of a cluster speak to each other, above that of their clients.
BUS = 10_000
#: Not seeded with the tests' own: two runs on one machine must not try the same ports.
_ports = random.SystemRandom()


def free_port() -> int:
    """A port that nobody listens on now, below those that outgoing connections are given."""
    while True:
        port = _ports.randrange(10_000, 30_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port


def free_node_port() -> int:
    """As `free_port`, for a node of a cluster, which takes the port 10,000 above, too."""
    while True:
        port = free_port()
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port + BUS))
            except OSError:
                continue
        if port + BUS < 32_768:
            return port


class Server:
    """One valkey-server process.

    Args:
        options: more command line options, such as `("--maxmemory", "20mb")`.
        expect: what a PING is answered with once it is up.
        port: 0 for any.
        program: another server than the embedded one.
    """

    def __init__(
        self, *options: str, expect: bytes = b"+PONG", port: int = 0, program: str | None = None
    ) -> None:
        self.program = program or str(embedded.program())
        self.expect = expect
        self.port = port or free_port()
        self.folder = tempfile.TemporaryDirectory()
        self.options = options
        self.start()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def client(self) -> redis.Redis:
        """A plain connection to look at what is stored."""
        return redis.Redis.from_url(self.url, decode_responses=True, protocol=2)

    def start(self) -> None:
        command = [self.program, "--port", str(self.port), "--bind", "127.0.0.1", "--save", ""]
        command += ["--dir", self.folder.name, "--loglevel", "warning", *self.options]
        self.process = subprocess.Popen(
            command, env={**os.environ, **embedded.ENVIRONMENT}, stdout=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError(f"valkey-server ended with {self.process.returncode}")
            try:
                with socket.create_connection(("127.0.0.1", self.port), 0.2) as probe:
                    probe.sendall(b"PING\r\n")
                    if probe.recv(16).startswith(self.expect):
                        return
            except OSError:
                time.sleep(0.01)
        raise RuntimeError("valkey-server did not answer within 10 s")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(10)
        self.folder.cleanup()

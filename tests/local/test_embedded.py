"""The embedded server: what of its words is passed on, and where its process has its memory from."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from local.embedded import environment, is_advice
from local.testing.server import EmbeddedServer
from tests.support.processes import libraries_of
from tests.support.server import Server

START = "11444:M 28 Nov 2026 19:52:54.624 # WARNING"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (f"{START} Memory overcommit must be enabled! Without it, a background save may fail.", True),
        (f"{START} The TCP backlog setting of 511 cannot be enforced because somaxconn is set to 128.", True),
        (f"{START} You have Transparent Huge Pages (THP) support enabled in your kernel.", True),
        (f"{START} You requested maxclients of 10000 requiring at least 10032 max file descriptors.", False),
        ("11444:M 28 Nov 2026 19:52:54.624 # Can't open the append-only file: Permission denied", False),
        ("a task says: Memory overcommit must be enabled", False),
    ],
)
def test_advice_is_left_out_and_faults_are_not(line: str, expected: bool) -> None:
    assert is_advice(line) is expected


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the server keeps to the C library")
@pytest.mark.parametrize("kind", [Server, EmbeddedServer])
def test_the_server_runs_on_the_allocator(kind: type[Server] | type[EmbeddedServer]) -> None:
    server = kind()
    try:
        process = server.process if isinstance(server, Server) else server._process
        assert "libmimalloc" in libraries_of(process.pid)
    finally:
        server.stop()


def test_the_allocator_comes_before_what_is_loaded_already(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LD_PRELOAD", raising=False)
    assert environment(Path("/v/libmimalloc.so.3"))["LD_PRELOAD"] == "/v/libmimalloc.so.3"
    monkeypatch.setenv("LD_PRELOAD", "/lib/other.so")
    assert environment(Path("/v/libmimalloc.so.3"))["LD_PRELOAD"] == "/v/libmimalloc.so.3:/lib/other.so"


@pytest.mark.parametrize(
    "allocator", [None, Path("/my projects/libmimalloc.so.3"), Path("/a:b/libmimalloc.so.3")]
)
def test_without_an_allocator_that_can_be_loaded_the_c_library_keeps_more_blocks(
    allocator: Path | None,
) -> None:
    assert list(environment(allocator)) == ["GLIBC_TUNABLES"]

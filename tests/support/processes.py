"""What /proc says about processes; a bare machine has no pgrep."""

from __future__ import annotations

from pathlib import Path


def children(parent: int) -> list[int]:
    """Process ids of the direct children of `parent`."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            after_name = stat.read_text().rpartition(")")[2].split()
        except OSError:  # it has ended meanwhile
            continue
        if int(after_name[1]) == parent:
            found.append(int(stat.parent.name))
    return found


def command_of(pid: int) -> bytes:
    """Its command line, words separated by NUL; empty when it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def libraries_of(pid: int) -> str:
    """What it has mapped, its libraries among it."""
    return Path(f"/proc/{pid}/maps").read_text()

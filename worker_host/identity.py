"""The worker's name and what it says about itself."""

from __future__ import annotations

import os
import re
import resource
import secrets
import socket
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from shared.codec import encode
from worker_host.registry import Registry


def new_name() -> str:
    """A name that no process had before: a restart's exchange number begins at 1 again."""
    host = re.sub(r"[^A-Za-z0-9.-]", "-", socket.gethostname())[:24]
    return f"{host}-{os.getpid()}-{secrets.token_hex(3)}"


def product_version() -> str:
    """Version of the installed product; `dev` in a bare checkout."""
    try:
        return version("dtq")
    except PackageNotFoundError:
        return "dev"


def resident_mb() -> int:
    """Memory that this process takes now, MB; where the system does not tell, the most it ever took."""
    try:
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // (
            1_000_000 if sys.platform == "darwin" else 1000
        )
    return pages * resource.getpagesize() // 1_000_000


def description(registry: Registry, queues: list[str], slots: int, lease_s: float) -> str:
    """What `workers` keeps about this process, as JSON."""
    return encode(
        {
            "host": socket.gethostname(),
            "version": product_version(),
            "queues": queues,
            "types": sorted(handler.task_type for handler in registry),
            "slots": slots,
            "lease_seconds": lease_s,
            "memory_mb": resident_mb(),
            "started_at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        },
        "worker",
    )

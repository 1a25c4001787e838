"""The worker's name and what it says about itself."""

from __future__ import annotations

import os
import re
import secrets
import socket
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version

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
            "started_at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        },
        "worker",
    )

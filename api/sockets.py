"""Vercel's server listens on a socket that asyncio takes for a Unix one, so it never sets TCP_NODELAY.

Without it an answer whose headers and body are two writes waits for a delayed acknowledgement: 44 ms.
Accepted connections inherit the option from the listening socket; those that came before the
application was ready get it with the first request.
"""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

from starlette.types import ASGIApp, Receive, Scope, Send

_FDS = Path("/proc/self/fd")


def set_nodelay() -> int:
    """Set TCP_NODELAY on every TCP socket of this process; returns on how many."""
    fds = [int(entry.name) for entry in _FDS.iterdir()] if _FDS.is_dir() else list(range(256))
    return sum(_set_nodelay(fd) for fd in fds)


def _set_nodelay(fd: int) -> bool:
    try:
        if not stat.S_ISSOCK(os.fstat(fd).st_mode):
            return False
        copy = os.dup(fd)
    except OSError:
        return False  # closed since it was listed
    with socket.socket(fileno=copy) as tcp:
        if tcp.family not in (socket.AF_INET, socket.AF_INET6) or tcp.type != socket.SOCK_STREAM:
            return False
        tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return True


class NodelayFirst:
    """The outermost layer on Vercel: sets the option once more with the first request."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._is_first = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if self._is_first and scope["type"] == "http":
            self._is_first = False
            set_nodelay()
        await self._app(scope, receive, send)

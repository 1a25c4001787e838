"""Ports of the local run: the wanted one, or the next that is free."""

from __future__ import annotations

import socket


def free_port(wanted: int) -> int:
    """`wanted` when it is free on loopback, else the next free one above it, else any.

    Each answer holds only until somebody takes it; who binds must still be ready to fail.
    """
    for port in [*range(wanted, min(wanted + 50, 65_536)), 0]:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            chosen: int = probe.getsockname()[1]
            return chosen
    raise OSError("no free port on 127.0.0.1")

"""The API under uvicorn with the built dashboard beside it: `python -m local.server --port 8000`."""

from __future__ import annotations

import argparse
import socket
import sys
from pathlib import Path

import uvicorn

from api.app import create_app

DASHBOARD = Path(__file__).parent.parent / "frontend" / "dist"


def main() -> int:
    """Serve until told to stop; the exit code is 2 when the port is taken."""
    parser = argparse.ArgumentParser("python -m local.server")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args()
    try:
        listener = socket.create_server((options.host, options.port), backlog=1024)
    except OSError as error:
        sys.stderr.write(f"api: cannot listen on port {options.port}: {error}\n")
        return 2
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    app = create_app(dashboard=DASHBOARD if DASHBOARD.is_dir() else None)
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, proxy_headers=False, timeout_graceful_shutdown=3
    )
    uvicorn.Server(config).run(sockets=[listener])
    return 0


if __name__ == "__main__":
    sys.exit(main())

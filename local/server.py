"""The API under uvicorn with the built dashboard beside it: `python -m local.server --port 8000`."""

from __future__ import annotations

import argparse
import socket
import sys
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from api.app import create_app

DASHBOARD = Path(__file__).parent.parent / "frontend" / "dist"


def make_app() -> FastAPI:
    """The API, with the dashboard where it is built."""
    return create_app(dashboard=DASHBOARD if DASHBOARD.is_dir() else None)


def make_rebuilt_app() -> FastAPI:
    """The same, with the Lua scripts as they were saved."""
    from shared.scripts.build import build

    build()
    return make_app()


def _serve_sources(host: str, port: int) -> int:
    """Serve from a child process that begins anew whenever a source of the API is saved."""
    root = DASHBOARD.parent.parent
    uvicorn.run(
        "local.server:make_rebuilt_app", factory=True, host=host, port=port, log_level="warning", access_log=False,
        proxy_headers=False, timeout_graceful_shutdown=1, reload=True,
        reload_dirs=[str(root / "api"), str(root / "shared")], reload_includes=["*.py", "*.lua"],
    )  # fmt: skip
    return 0


class ApiServer(uvicorn.Server):
    """A uvicorn server that ends the event streams before it waits for open requests."""

    def __init__(self, app: FastAPI) -> None:
        super().__init__(
            uvicorn.Config(
                app, log_level="warning", access_log=False, proxy_headers=False, timeout_graceful_shutdown=3
            )
        )
        self._app = app

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop: streams first, then what is still under way."""
        await self._app.state.runtime.end_streams()
        await super().shutdown(sockets)


def main() -> int:
    """Serve until told to stop; the exit code is 2 when the port is taken."""
    parser = argparse.ArgumentParser("python -m local.server")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--reload", action="store_true", help="start anew when a source is saved")
    options = parser.parse_args()
    if options.reload:
        return _serve_sources(options.host, options.port)
    try:
        listener = socket.create_server((options.host, options.port), backlog=1024)
    except OSError as error:
        sys.stderr.write(f"api: cannot listen on port {options.port}: {error}\n")
        return 2
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    ApiServer(make_app()).run(sockets=[listener])
    return 0


if __name__ == "__main__":
    sys.exit(main())

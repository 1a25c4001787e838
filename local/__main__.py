"""`python -m local`: the whole product on this machine, from one command."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from local.supervisor import Options, StartError, Supervisor


def main() -> None:
    """Run until Ctrl-C; exit code 0, or 1 when something did not start."""
    try:
        sys.exit(asyncio.run(Supervisor(_options()).run()))
    except StartError as error:
        sys.stderr.write(f"local: {error}\n")
        sys.exit(1)


def _options() -> Options:
    parser = argparse.ArgumentParser(
        prog="python -m local",
        description="Embedded Redis, gateway, API, dashboard and one worker on this machine.",
    )
    parser.add_argument(
        "--port", type=int, default=8000, help="API and dashboard (default: 8000, or the next free one)"
    )
    parser.add_argument(
        "--data", type=Path, default=Path(".data"), help="where tasks are kept (default: .data)"
    )
    parser.add_argument("--no-worker", action="store_true", help="start no worker")
    parser.add_argument("--no-reload", action="store_true", help="do not watch the handlers' files")
    parser.add_argument(
        "--dev",
        action="store_true",
        help="serve the dashboard by Vite on port 5173, and start the API anew when a source is saved",
    )
    parser.add_argument("--handlers", action="append", metavar="MODULE", help="default: local.my_handlers")
    parser.add_argument("--lease-seconds", type=float, default=5.0, help="lease of the worker (default: 5)")
    options = parser.parse_args()
    return Options(
        port=options.port,
        data=options.data.resolve(),
        has_worker=not options.no_worker,
        has_reload=not options.no_reload,
        is_dev=options.dev,
        handlers=tuple(options.handlers or ["local.my_handlers"]),
        lease_seconds=options.lease_seconds,
    )


if __name__ == "__main__":
    main()

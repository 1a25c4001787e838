"""The command line of a worker."""

from __future__ import annotations

import argparse
from dataclasses import dataclass

from worker_host.settings import WorkerSettings


@dataclass(frozen=True, slots=True)
class Command:
    """What was asked for on the command line."""

    settings: WorkerSettings
    is_reloading: bool


def parse(arguments: list[str]) -> Command:
    """Read the command line; it wins over the environment.

    Raises:
        SettingsError: a value is not valid; names the variable.
        SystemExit: an unknown option (code 2), or --help (code 0).
    """
    options = _parser().parse_args(arguments)
    given = {
        name: getattr(options, name)
        for name in ("queues", "concurrency", "processes")
        if getattr(options, name) is not None
    }
    if options.handlers:
        given["handlers"] = ",".join(options.handlers)
    return Command(WorkerSettings.read(**given), options.reload)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m worker_host",
        description="Runs tasks of the queue. Redis is named by REDIS_URL.",
        epilog="Environment: REDIS_URL, LEASE_SECONDS, HEALTH_PORT, RETENTION_SECONDS, GRACE_SECONDS, LOG_LEVEL.",
    )
    parser.add_argument(
        "--queues",
        metavar="A,B",
        help="queues to serve, in this order; or by weight: a=5,b=1 (default: default)",
    )
    parser.add_argument(
        "--concurrency", type=int, metavar="N", help="tasks at once per process (default: 20)"
    )
    parser.add_argument("--processes", type=int, metavar="N", help="worker processes (default: 1)")
    parser.add_argument(
        "--handlers",
        action="append",
        metavar="MODULE",
        help="module that registers handlers; may be repeated",
    )
    parser.add_argument("--reload", action="store_true", help="restart when a file of the handlers changes")
    return parser

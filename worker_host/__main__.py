"""`python -m worker_host`: settings, then one worker, or a pool that supervises several."""

from __future__ import annotations

import signal
import sys


def main() -> None:
    """Run until SIGTERM or SIGINT; exit code 0 after a graceful end, 2 for wrong settings."""
    # A process with number 1 ignores SIGTERM until a handler is installed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    from shared.errors import DtqError

    try:
        sys.exit(_run(sys.argv[1:]))
    except DtqError as error:
        sys.stderr.write(f"worker: {error.detail}\n")
        sys.exit(2)


def _run(arguments: list[str]) -> int:
    import worker_host.plain_logs  # noqa: F401, I001  # before all that logs

    from shared.errors import SettingsError
    from shared.sealing import read_sealer
    from shared.settings import tcp_target
    from worker_host.cli import parse
    from worker_host.logs import configure

    command = parse(arguments)
    settings = command.settings
    tcp_target(settings)
    read_sealer(settings.payload_key)
    try:
        settings.queue_names  # noqa: B018  # read for its check
    except ValueError as error:
        raise SettingsError("--queues", f"{error}.", "--queues default,emails") from None
    is_json = configure(settings.log_level)
    if command.is_reloading or settings.processes > 1:
        from worker_host.pool import Pool

        return Pool(settings, arguments, is_reloading=command.is_reloading).run()
    from worker_host.process import run_worker

    return run_worker(settings, is_json=is_json)


if __name__ == "__main__":
    main()

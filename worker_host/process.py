"""One worker in this process: its loop, its signals, its end with its parent."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
import threading

import structlog

from worker_host.loading import load_handlers
from worker_host.settings import WorkerSettings
from worker_host.tracing import open_telemetry
from worker_host.worker import Worker

#: Holds the read end of a pipe whose write end only the parent has: it ends when the parent does.
PARENT_PIPE = "DTQ_PARENT_PIPE"

log = structlog.get_logger()


def run_worker(settings: WorkerSettings, *, is_json: bool) -> int:
    """Run one worker to its end; returns the exit code. SIGHUP ends it gracefully and begins it anew."""
    registry, modules = load_handlers(settings.handler_modules)
    telemetry = open_telemetry()

    is_restart_asked = False

    async def work() -> None:
        nonlocal is_restart_asked
        worker = Worker(settings, registry, modules, is_json=is_json)
        if telemetry is not None:
            worker.trace(telemetry)
        _on_signals(worker)
        _follow_parent()
        # What is here now stays: a collection need not look through it again, which takes milliseconds of a task's wait.
        gc.collect()
        gc.freeze()
        await worker.run()
        is_restart_asked = worker.is_restart_asked

    try:
        import uvloop
    except ImportError:
        asyncio.run(work())
    else:
        uvloop.run(work())
    if telemetry is not None:
        telemetry.close()
    if is_restart_asked:
        sys.stdout.flush()
        os.execv(sys.executable, [sys.executable, "-m", "worker_host", *sys.argv[1:]])  # noqa: S606  # ourselves
    return 0


def _on_signals(worker: Worker) -> None:
    """The first SIGTERM or SIGINT is graceful, the second is not."""
    loop = asyncio.get_running_loop()
    asked = 0

    def ask() -> None:
        nonlocal asked
        asked += 1
        if asked > 1:
            log.error("stopped hard by a second signal; leases will expire")
            sys.stdout.flush()
            os._exit(130)
        worker.stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ask)

    def ask_restart() -> None:
        worker.is_restart_asked = True
        worker.stop()

    loop.add_signal_handler(signal.SIGHUP, ask_restart)


def _follow_parent() -> None:
    """End gracefully when the parent is gone: nobody would restart or stop us."""
    pipe = os.environ.get(PARENT_PIPE)
    if pipe is None:
        return

    def wait_for_end() -> None:
        os.read(int(pipe), 1)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait_for_end, name="follow-parent", daemon=True).start()

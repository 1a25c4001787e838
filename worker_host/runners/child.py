"""The child process: reads attempts from its parent, runs their handlers, answers.

Started as `python -m worker_host.runners.child <MiB> module…`; ends when its parent does, because its
input ends. What handlers print goes to stderr: stdout is the wire.
"""

from __future__ import annotations

import importlib
import os
import resource
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import msgspec

from shared.codec import decode, encode
from shared.masking import hiding
from worker_host.context import Context
from worker_host.control import RateLimited, Reject, RetryAfter, Snooze
from worker_host.fingerprint import last_frame, text_of
from worker_host.outcome import MAX_MESSAGE, MAX_TRACEBACK
from worker_host.registry import REGISTRY
from worker_host.runners.wire import Answer, Request, pack, read


def main(memory_mb: int, modules: list[str]) -> None:
    """Serve attempts until the input ends.

    Args:
        memory_mb: most memory of this process, MiB; 0 for no limit. A handler over it fails its attempt.
        modules: handler modules to import.
    """
    if memory_mb:
        resource.setrlimit(resource.RLIMIT_DATA, (memory_mb * 1024 * 1024,) * 2)
    # Ctrl-C and SIGTERM of a process group are the parent's business: it ends us when it is done.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    wire_in = os.fdopen(os.dup(0), "rb")
    wire_out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    for module in modules:
        importlib.import_module(module)
    decoder = msgspec.json.Decoder(Request)
    while (body := read(wire_in)) is not None:
        wire_out.write(pack(_answer(decoder.decode(body), wire_out)))
        wire_out.flush()


def _answer(request: Request, wire_out: BinaryIO) -> Answer:
    def note(kind: str, body: str) -> None:
        wire_out.write(pack(Answer("note", result=body, error=kind)))
        wire_out.flush()

    handler = REGISTRY.get(request.task_type)
    if handler is None:
        return Answer("error", error="UnknownTaskType", message=f"the child knows no {request.task_type!r}")
    try:
        payload = handler.read_payload(request.payload)
        context = Context(
            request.task_id,
            request.task_type,
            request.queue,
            request.attempt,
            request.max_retries,
            request.traceparent,
            note,
        )
        result = handler.function(payload, context) if handler.takes_context else handler.function(payload)
        return Answer("ok", result=encode(result, "result"))
    except BaseException as error:  # SystemExit of a handler, too, is its task's outcome, not the child's end
        hide = hiding(handler.secrets.values(decode(request.payload))) if handler.secrets.is_any else str
        return _failure(error, handler.never_retry, hide)


def _failure(
    error: BaseException, never_retry: tuple[type[BaseException], ...], hide: Callable[[str], str]
) -> Answer:
    verdict, seconds = "error", 0.0
    if isinstance(error, (Reject, *never_retry)):
        verdict = "reject"
    elif isinstance(error, RetryAfter):
        verdict, seconds = "retry_after", error.seconds
    elif isinstance(error, Snooze | RateLimited):
        verdict, seconds = "snooze", error.seconds
    trace = hide("".join(traceback.format_exception(error)))[-MAX_TRACEBACK:]
    return Answer(
        verdict,
        error=type(error).__name__,
        message=_text(hide(text_of(error))[:MAX_MESSAGE]),
        traceback=_text(trace),
        frame=last_frame(error.__traceback__),
        seconds=seconds,
    )


def _text(value: str) -> str:
    return value.encode("utf-8", "replace").decode()


if __name__ == "__main__":
    sys.path.insert(0, str(Path.cwd()))
    try:
        main(int(sys.argv[1]), sys.argv[2:])
    except BrokenPipeError:
        # The parent was killed: its lease brings the task back, and there is nobody to be told. Not `sys.exit`, which
        # would try to write the rest.
        os._exit(0)

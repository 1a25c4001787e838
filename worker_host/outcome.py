"""From how a handler ended to what the queue is told: pure, and the only place that decides it."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Any

from shared.codec import Claim, decode, encode
from shared.errors import InvalidInput
from shared.masking import hiding
from shared.queue import Outcome
from shared.retry import RetryPolicy
from shared.sealing import MARK
from worker_host.control import RateLimited, Reject, RetryAfter, Snooze
from worker_host.fingerprint import digest, last_frame, text_of
from worker_host.registry import Handler

MAX_MESSAGE = 2_000
MAX_TRACEBACK = 6_000


class TaskTimeout(Exception):
    """The attempt ran longer than its timeout."""


class WorkerProcessDied(Exception):
    """The child process that ran the handler ended without an answer."""


class RemoteError(Exception):
    """An exception of a child process: its class name, message and traceback travel as text."""

    def __init__(self, name: str, message: str, trace: str | None, frame: str = "") -> None:
        super().__init__(message)
        self.name = name
        self.trace = trace
        self.frame = frame


def completed(claim: Claim, result: Any, max_bytes: int) -> Outcome:
    """The outcome of a handler that returned.

    Raises:
        InvalidInput: the result is no JSON, or has more than `max_bytes` as JSON text.
    """
    body = encode(result, "result")
    if len(body) > max_bytes or len(body.encode()) > max_bytes:
        raise InvalidInput(
            "result",
            f"has more than {max_bytes} bytes as JSON.",
            "Write it to storage and return its address.",
        )
    return Outcome(claim.id, claim.number, "c", body)


def failed(
    claim: Claim, handler: Handler | None, error: BaseException, uniform: Callable[[], float]
) -> Outcome:
    """The outcome of a handler that raised, whatever its exception holds."""
    try:
        return _judged(claim, handler, error, uniform)
    except Exception as defect:  # such as a Snooze of no number: an outcome there must be
        return _judged(claim, handler, defect, uniform)


def _judged(
    claim: Claim, handler: Handler | None, error: BaseException, uniform: Callable[[], float]
) -> Outcome:
    if isinstance(error, Snooze | RateLimited):
        kind = "s" if isinstance(error, Snooze) else "w"
        return Outcome(claim.id, claim.number, kind, "", _ms(error.seconds))
    hide = hiding_of(claim, handler) if handler else _as_it_is
    group = _fingerprint(claim.task_type, error, hide)
    body = error_json(error, group, hide)
    if isinstance(error, Reject) or (handler and isinstance(error, handler.never_retry)):
        return Outcome(claim.id, claim.number, "x", body, 0, group)
    if isinstance(error, RetryAfter):
        return Outcome(claim.id, claim.number, "f", body, _ms(error.seconds), group)
    delay_s = retry_policy(claim, handler).delay_s(claim.attempt, uniform)
    return Outcome(claim.id, claim.number, "f", body, _ms(delay_s), group)


def retry_policy(claim: Claim, handler: Handler | None) -> RetryPolicy:
    """The task's own policy over the handler's."""
    base = handler.retry if handler else RetryPolicy()
    own = decode(claim.options).get("retry") if claim.options else None
    return RetryPolicy(**{**base.model_dump(), **own}) if own else base


def _as_it_is(text: str) -> str:
    return text


def hiding_of(claim: Claim, handler: Handler) -> Callable[[str], str]:
    """Replaces the secrets of a claim's payload in texts; the payload is decrypted already, or cannot be."""
    if not handler.secrets.is_any or claim.payload.startswith(MARK):
        return _as_it_is
    return hiding(handler.secrets.values(decode(claim.payload)))


def _fingerprint(task_type: str, error: BaseException, hide: Callable[[str], str]) -> str:
    if isinstance(error, RemoteError):
        return digest(task_type, error.name, error.frame, hide(str(error)))
    return digest(task_type, type(error).__name__, last_frame(error.__traceback__), hide(text_of(error)))


def error_json(error: BaseException, group: str, hide: Callable[[str], str] = _as_it_is) -> str:
    """Type, message, traceback and fingerprint as JSON, bounded, always valid UTF-8, without secrets.

    What is hidden is hidden before anything is cut: half a secret would not be found.
    """
    if isinstance(error, RemoteError):
        name, message, trace = error.name, str(error), error.trace
    else:
        name, message = type(error).__name__, text_of(error)
        trace = "".join(traceback.format_exception(error)) if error.__traceback__ else None
    fields = {
        "type": _text(name, 200),
        "message": _text(hide(message), MAX_MESSAGE),
        "traceback": None,
        "fingerprint": group,
    }
    if trace:
        trace = hide(trace)
        # The end names the failing line; the beginning is the worker's own.
        fields["traceback"] = _text(trace[-MAX_TRACEBACK:], MAX_TRACEBACK)
    return encode(fields, "error")


def _text(value: str, limit: int) -> str:
    return value[:limit].encode("utf-8", "replace").decode()


def _ms(seconds: float) -> int:
    return max(0, min(round(seconds * 1000), 366 * 86_400_000))

"""What the clients raise: the API's problem documents as exceptions.

ApiError
├── InvalidRequest   a field breaks a rule; `.problem` has field, rule and fix   400 413 415 422
├── NotAllowed       no key, a wrong one, or its role does not reach             401 403
├── NotFound         nothing of that id or name is kept                          404
├── Conflict         the state does not allow it; nothing was changed            409
├── RateLimited      too many requests, after the client has waited and retried  429
└── Unavailable      no answer, or none of use, after all retries                5xx
WaitTimeout          the task had not ended in time; `.task` is how it stands
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx
import msgspec

from shared.codec import decode
from shared.errors import DtqError
from shared.models import Task

_MAX_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Problem:
    """What an error answer says (RFC 9457).

    Attributes:
        status: of the answer; 0 when there was none.
        slug: last part of the problem's type, stable for programs, such as `idempotency-conflict`.
        title: short, the same for every problem of its type.
        detail: one sentence: what is wrong, the rule, the fix.
        field: the field that breaks a rule, such as `tasks[3].priority`.
        rule: the rule.
        fix: what to send instead.
        request_id: names the request in the API's log.
        retry_after_s: seconds after which a repeat makes sense.
    """

    status: int
    slug: str
    title: str
    detail: str
    field: str | None = None
    rule: str | None = None
    fix: str | None = None
    request_id: str | None = None
    retry_after_s: float | None = None


class ApiError(DtqError):
    """Root of what the API refuses; `problem` is what it said."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail)
        self.problem = problem


class InvalidRequest(ApiError):
    """Raised when a field breaks a rule; the problem names field, rule and fix."""


class NotAllowed(ApiError):
    """Raised when the key is missing or wrong, or its role does not reach."""


class NotFound(ApiError):
    """Raised when nothing of that id or name is kept (any more)."""


class Conflict(ApiError):
    """Raised when the state of the thing does not allow the operation; nothing was changed."""


class RateLimited(ApiError):
    """Raised when the API still asks to come later after all retries."""


class Unavailable(ApiError):
    """Raised when no useful answer came, after all retries.

    The last try may have been carried out; `submit` is safe to repeat with the same idempotency key.
    """


class WaitTimeout(DtqError):
    """Raised when a task has not ended in time; it goes on, and may be waited for again."""

    def __init__(self, task: Task, timeout_s: float) -> None:
        super().__init__(f"Task {task.id} had not ended after {timeout_s:g} s; it is {task.status}.")
        self.task = task


_KINDS: dict[int, type[ApiError]] = {
    400: InvalidRequest,
    401: NotAllowed,
    403: NotAllowed,
    404: NotFound,
    405: InvalidRequest,
    409: Conflict,
    413: InvalidRequest,
    415: InvalidRequest,
    422: InvalidRequest,
    429: RateLimited,
}


def error_of(response: httpx.Response) -> ApiError:
    """The exception that an answer of status 300 or more stands for."""
    problem = _problem_of(response)
    kind = _KINDS.get(problem.status, Unavailable if problem.status >= 500 else ApiError)
    return kind(problem)


def no_answer(error: httpx.TransportError, url: str) -> Unavailable:
    """The exception for a request that met no answer."""
    reason = str(error) or type(error).__name__
    detail = f"{url} does not answer: {reason}. Is DTQ_URL right, and is the API up?"
    return Unavailable(Problem(0, "no-answer", "The API does not answer", detail))


def _problem_of(response: httpx.Response) -> Problem:
    body: Any = None
    if response.headers.get("content-type", "").startswith("application/problem+json"):
        try:
            body = decode(response.content)
        except msgspec.DecodeError:
            body = None
    wait_s = seconds_of(response.headers.get("retry-after", ""))
    request_id = response.headers.get("x-request-id")
    if not isinstance(body, dict):
        shown = " ".join(response.text.split())[:_MAX_SHOWN]
        detail = (
            f"{response.request.url.copy_with(query=None)} answered {response.status_code} with no problem "
            f"document, so it may be no dtq API: {shown!r}. Check DTQ_URL."
        )
        return Problem(response.status_code, "no-problem", "An answer of something else", detail)
    return Problem(
        status=response.status_code,
        slug=str(body.get("type", "")).rpartition("/")[2],
        title=str(body.get("title", "")),
        detail=str(body.get("detail", "")),
        field=body.get("field"),
        rule=body.get("rule"),
        fix=body.get("fix"),
        request_id=body.get("request_id", request_id),
        retry_after_s=wait_s,
    )


def seconds_of(retry_after: str) -> float | None:
    """Seconds of a Retry-After header; None when it is missing or a date, which this API never sends."""
    return float(retry_after) if retry_after.isascii() and retry_after.isdecimal() else None

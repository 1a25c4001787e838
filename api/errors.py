"""Errors that only HTTP knows, beside those of the engine."""

from __future__ import annotations

from collections.abc import Sequence

from shared.errors import DtqError, InvalidInput, SettingsError


class Unauthorized(DtqError):
    """Raised when a request brings no key, or one that is not configured."""

    slug = "unauthorized"
    title = "A valid API key is needed"
    status = 401


class Forbidden(DtqError):
    """Raised when the key's role does not reach, or when a keyless API is asked from elsewhere."""

    slug = "forbidden"
    title = "Not allowed"
    status = 403


class BudgetSpent(DtqError):
    """Raised when the month's budget of Redis calls is spent and a task of low priority is submitted."""

    slug = "budget-spent"
    title = "The budget of Redis calls is spent"
    status = 429
    retry_after_s: int | None = 3_600


class NotConfigured(DtqError):
    """Raised when variables are missing or wrong; names each, the rule and an example."""

    slug = "not-configured"
    title = "The API is not configured"
    status = 503
    retry_after_s: int | None = 60

    def __init__(self, faults: Sequence[SettingsError]) -> None:
        super().__init__(" ".join(fault.detail for fault in faults))
        self.variable = faults[0].variable
        self.rule = faults[0].rule
        self.example = faults[0].example


class NoStreaming(DtqError):
    """Raised when an event stream is asked for where answers are sent as a whole: on AWS Lambda."""

    slug = "no-streaming"
    title = "Event streams cannot be served here"
    status = 501


class TooManyViewers(DtqError):
    """Raised when an instance has as many open event streams as it serves."""

    slug = "too-many-viewers"
    title = "Too many open event streams"
    status = 503
    retry_after_s: int | None = 30


class WrongQuery(InvalidInput):
    """Raised when a query parameter breaks a rule."""

    title = "A query parameter is not valid"

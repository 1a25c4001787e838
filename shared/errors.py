"""Every error the product raises on purpose, and the only ones callers need to catch.

    DtqError
    ├── InvalidInput            a field breaks a rule                              422
    │   ├── MalformedBody       the body is no JSON document                       400
    │   ├── UnsupportedMedia    the body is not declared as JSON                   415
    │   ├── TooLarge            a payload, body or result is over its limit        413
    │   ├── CursorMismatch      a cursor is sent with other filters                400
    │   └── UnknownTaskType     no live worker knows the task type                 422
    ├── NotFound                no task, queue or worker of that name              404
    ├── Conflict                the state does not allow the operation             409
    │   ├── IdempotencyConflict same idempotency key, other body                   409
    │   └── UniqueConflict      a live task has the unique key                     409
    ├── RateExceeded            the caller asks faster than it may                  429
    ├── SettingsError           a variable is missing or wrong (exit code 2)
    ├── ShardsDiffer            the namespace is divided into another number of shards 503
    ├── LeaseLost               the worker's lease expired; its tasks run elsewhere
    └── StoreError              Redis did not do what was asked
        ├── StoreUnavailable    away, slow, or answering nonsense                  503
        ├── StoreRefused        wrong password, no rights, quota used up           503
        ├── StoreFull           no memory left; nothing was stored                 507
        ├── NotDurable          stored, but not confirmed to be on disk            503
        └── ScriptFailed        a script was refused: a defect or an alien server  503

A message is one sentence for a tired person: what is wrong, the rule, the fix.
"""

from __future__ import annotations

from typing import ClassVar


class DtqError(Exception):
    """Root of all errors raised on purpose.

    Attributes:
        slug: last part of the problem type URI, stable for clients.
        title: short text for people, the same for every instance.
        status: HTTP status that the API answers with.
        retry_after_s: seconds after which a retry makes sense; None when it does not.
    """

    slug: ClassVar[str] = "error"
    title: ClassVar[str] = "The request failed"
    status: ClassVar[int] = 500
    retry_after_s: int | None = None

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class InvalidInput(DtqError):
    """Raised when a field breaks a rule; names the field, the rule and the fix."""

    slug = "invalid-input"
    title = "A field is not valid"
    status = 422

    def __init__(self, field: str, rule: str, fix: str) -> None:
        super().__init__(f"{field}: {rule} {fix}")
        self.field = field
        self.rule = rule
        self.fix = fix


class MalformedBody(InvalidInput):
    """Raised when the body cannot be read as one JSON document."""

    slug = "malformed-json"
    title = "The body is not valid JSON"
    status = 400


class UnsupportedMedia(InvalidInput):
    """Raised when the body is not declared as `application/json`."""

    slug = "unsupported-media-type"
    title = "The content type is not supported"
    status = 415


class TooLarge(InvalidInput):
    """Raised when a payload, body, batch or result is over its limit."""

    slug = "too-large"
    title = "Too large"
    status = 413


class CursorMismatch(InvalidInput):
    """Raised when a page's cursor is sent with other filters than those it was made for."""

    slug = "cursor-mismatch"
    title = "The cursor belongs to another list"
    status = 400


class UnknownTaskType(InvalidInput):
    """Raised when live workers are known and none of them knows the task type."""

    slug = "unknown-task-type"
    title = "No live worker knows this task type"


class NotFound(DtqError):
    """Raised when nothing of that name is stored (any more)."""

    slug = "not-found"
    title = "Not found"
    status = 404


class Conflict(DtqError):
    """Raised when the state of the thing does not allow the operation; nothing was changed."""

    slug = "conflict"
    title = "The current state does not allow this"
    status = 409


class IdempotencyConflict(Conflict):
    """Raised when an idempotency key is used again with another body; nothing was stored."""

    slug = "idempotency-conflict"
    title = "This idempotency key was used with another body"


class UniqueConflict(Conflict):
    """Raised when a live task has the unique key; nothing was stored."""

    slug = "unique-conflict"
    title = "A live task has this unique key"


class RateExceeded(DtqError):
    """Raised when a caller asks faster than it may; nothing was stored.

    Attributes:
        count: how many it may ask at once.
        window_s: in how many seconds as many become free.
    """

    slug = "rate-limited"
    title = "Too many requests"
    status = 429

    def __init__(self, detail: str, *, retry_after_s: int, count: int, window_s: int) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s
        self.count = count
        self.window_s = window_s


class SettingsError(DtqError):
    """Raised when a variable is missing or wrong; names it, the rule and an example."""

    slug = "settings"
    title = "A setting is missing or wrong"

    def __init__(self, variable: str, rule: str, example: str) -> None:
        super().__init__(f"{variable}: {rule} Example: {example}")
        self.variable = variable
        self.rule = rule
        self.example = example


class ShardsDiffer(DtqError):
    """Raised when DTQ_SHARDS is not the number by which the stored tasks of the namespace are divided."""

    slug = "shards-differ"
    title = "The namespace has another number of shards"
    status = 503


class LeaseLost(DtqError):
    """Raised when the worker's lease has expired: what it ran was given to others."""

    slug = "lease-lost"
    title = "The worker's lease expired"


class StoreError(DtqError):
    """Root of what Redis does to us; a submission that met one may be repeated safely."""

    slug = "store"
    title = "The store failed"
    status = 503
    retry_after_s: int | None = 2


class StoreUnavailable(StoreError):
    """Raised when Redis is away, slower than the deadline, or answers nonsense.

    The call may or may not have been carried out; every script may be sent twice.
    """

    slug = "store-unavailable"
    title = "Redis does not answer"


class StoreRefused(StoreError):
    """Raised when Redis refuses us: wrong password, missing rights, quota used up."""

    slug = "store-refused"
    title = "Redis refused the call"
    retry_after_s = 30


class StoreFull(StoreError):
    """Raised when Redis has no memory left; nothing was stored."""

    slug = "store-full"
    title = "Redis is full"
    status = 507
    retry_after_s = 30


class NotDurable(StoreError):
    """Raised when the disk did not confirm what was submitted with strict durability.

    The tasks are stored in memory and may run; whether they would outlast a crash is not known.
    """

    slug = "not-durable"
    title = "The disk did not confirm it"


class ScriptFailed(StoreError):
    """Raised when a script is refused: a defect of ours or a server that is no Redis."""

    slug = "script-failed"
    title = "A script failed in Redis"
    retry_after_s = None

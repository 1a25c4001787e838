"""From what a producer says to the body of a submission, with a key that makes a repeat safe."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, TypedDict

from pydantic import BaseModel

from shared.codec import encode
from shared.models import Debounce, OnConflict, TaskSubmission
from shared.retry import RetryPolicy


class SubmitOptions(TypedDict, total=False):
    """The fields of a submission beside type and payload; `TaskSubmission` describes each."""

    priority: int
    queue: str | None
    delay_seconds: float | None
    run_at: datetime | None
    max_retries: int | None
    timeout_seconds: float | None
    idempotency_key: str | None
    retry: RetryPolicy | None
    retention_seconds: float | None
    unique_key: str | None
    on_conflict: OnConflict
    debounce: Debounce | None
    throttle_seconds: float | None
    limit_key: str | None
    fair_key: str | None
    expires_at: datetime | None
    callback_url: str | None
    metadata: dict[str, Any] | None


def new_key() -> str:
    """A key that no other submission has: 128 random bits."""
    return f"auto-{secrets.token_urlsafe(16)}"


def one_body(task_type: str, payload: Mapping[str, Any], options: Mapping[str, Any]) -> str:
    """JSON of one submission.

    Raises:
        InvalidInput: something in it is no JSON.
    """
    return encode(_keyed({"task_type": task_type, "payload": dict(payload), **options}), "task")


def batch_body(tasks: Iterable[TaskSubmission | Mapping[str, Any]]) -> str:
    """JSON of a batch.

    Raises:
        InvalidInput: something in it is no JSON.
    """
    return encode({"tasks": [_keyed(_fields_of(task)) for task in tasks]}, "tasks")


def type_of(task: TaskSubmission | Mapping[str, Any]) -> str:
    """A task's type, as far as it is known."""
    return task.task_type if isinstance(task, TaskSubmission) else str(task.get("task_type", ""))


def _fields_of(task: TaskSubmission | Mapping[str, Any]) -> Mapping[str, Any]:
    if isinstance(task, TaskSubmission):
        # Only what was set: a default that is written out would make it another body to its key.
        return {name: getattr(task, name) for name in task.model_fields_set}
    return task


def _keyed(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields as JSON takes them, what is None left out, and a key of its own when there is none."""
    plain = {name: _plain(value) for name, value in fields.items() if value is not None}
    if "debounce" not in plain:  # there each call counts, and a repeat only moves the start once more
        plain.setdefault("idempotency_key", new_key())
    return plain


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", exclude_unset=True)
    return value

"""Arguments of both clients' methods, as the API takes them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any


def between(after: datetime | None, before: datetime | None) -> dict[str, Any]:
    """The part of a filter that says when a task was submitted."""
    return {
        "created_after": after.isoformat() if after else None,
        "created_before": before.isoformat() if before else None,
    }


def changes(
    payload: Mapping[str, Any] | None,
    priority: int | None,
    delay_seconds: float | None,
    run_at: datetime | None,
) -> dict[str, Any]:
    """The fields of a change, those that are None left out."""
    fields = {
        "payload": dict(payload) if payload is not None else None,
        "priority": priority,
        "delay_seconds": delay_seconds,
        "run_at": run_at.isoformat() if run_at else None,
    }
    return {name: value for name, value in fields.items() if value is not None}

"""What a handler learns about the task it runs: its optional second parameter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from shared.codec import encode

MAX_LOG_LINE = 2_000


def _nobody(kind: str, body: str) -> None:
    """Takes notes of a context that no worker made."""


@dataclass(frozen=True, slots=True)
class Context:
    """The attempt that runs.

    Attributes:
        task_id: the task's id; the same in every attempt, so it can make effects idempotent.
        task_type: registered name.
        queue: where it was claimed.
        attempt: this start, 1-based.
        max_retries: retries allowed after failed attempts.
        traceparent: of the trace that submitted the task (W3C Trace Context); None when there was none.
    """

    task_id: str
    task_type: str
    queue: str
    attempt: int
    max_retries: int
    traceparent: str | None = None
    _note: Callable[[str, str], None] = field(default=_nobody, repr=False, compare=False)

    def progress(self, fraction: float, message: str = "") -> None:
        """Tell how far this attempt is: 0 to 1, and in words. The newest counts; costs no call of its own.

        Raises:
            ValueError: `fraction` is not between 0 and 1.
        """
        if not 0 <= fraction <= 1:
            raise ValueError(f"progress is a fraction from 0 to 1, not {fraction}")
        self._note("g", encode({"fraction": round(float(fraction), 4), "message": message[:500]}, "progress"))

    def log(self, message: str, **fields: Any) -> None:
        """Keep a line with the task: the newest 50, at most 8 KiB together; costs no call of its own."""
        line = {"at": datetime.now(UTC).isoformat(timespec="milliseconds"), "message": message[:MAX_LOG_LINE]}
        text = encode({**fields, **line}, "log")
        self._note("l", text if len(text) <= 2 * MAX_LOG_LINE else encode(line, "log"))

    @property
    def is_last_attempt(self) -> bool:
        """Whether a failure now ends the task."""
        return self.attempt > self.max_retries

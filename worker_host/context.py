"""What a handler learns about the task it runs: its optional second parameter."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Context:
    """The attempt that runs.

    Attributes:
        task_id: the task's id; the same in every attempt, so it can make effects idempotent.
        task_type: registered name.
        queue: where it was claimed.
        attempt: this start, 1-based.
        max_retries: retries allowed after failed attempts.
    """

    task_id: str
    task_type: str
    queue: str
    attempt: int
    max_retries: int

    @property
    def is_last_attempt(self) -> bool:
        """Whether a failure now ends the task."""
        return self.attempt > self.max_retries

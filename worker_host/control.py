"""What a handler raises to steer its task; each says what it does to the attempts."""

from __future__ import annotations


class Control(Exception):
    """Root of the exceptions by which a handler steers its task."""


class RetryAfter(Control):
    """Try again after `seconds`: the attempt is spent, the backoff is replaced."""

    def __init__(self, seconds: float, reason: str = "") -> None:
        super().__init__(reason or f"retry after {seconds:g} s")
        self.seconds = seconds


class Snooze(Control):
    """Come back after `seconds`: no attempt is spent, the backoff does not grow."""

    def __init__(self, seconds: float, reason: str = "") -> None:
        super().__init__(reason or f"snoozed for {seconds:g} s")
        self.seconds = seconds


class RateLimited(Control):
    """The other side asked for a pause of `retry_after` seconds: no attempt is spent.

    When the task has a limit key, no worker starts another task of that key before.
    """

    def __init__(self, retry_after: float, reason: str = "") -> None:
        super().__init__(reason or f"rate limited, retry after {retry_after:g} s")
        self.seconds = retry_after


class Reject(Control):
    """This task can never succeed: it goes to the dead letters at once, without a retry."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)

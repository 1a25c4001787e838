"""The context that the handlers' tests pass."""

from dataclasses import dataclass


@dataclass(frozen=True)
class FakeContext:
    task_id: str = "0:01JTEST"
    attempt: int = 1
    max_retries: int = 3
    queue: str = "default"
    task_type: str = "test"

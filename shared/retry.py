"""How long a failed task waits before its next attempt: exponential backoff with jitter."""

from __future__ import annotations

import random
from collections.abc import Callable
from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field

from shared.lazy import LazyModel


class Jitter(StrEnum):
    """How the wait is spread, so that tasks that failed together do not come back together."""

    NONE = "none"
    """Exactly the backoff."""
    FULL = "full"
    """Anywhere between 0 and the backoff."""
    EQUAL = "equal"
    """Half of the backoff, and anywhere up to the other half."""


class RetryPolicy(LazyModel):
    """Backoff between attempts; all times in seconds.

    >>> RetryPolicy(jitter="none").delay_s(1), RetryPolicy(jitter="none").delay_s(4)
    (1.0, 8.0)
    >>> RetryPolicy(jitter="none").delay_s(100)  # the clamp: 2^99 s would be no wait but an end
    3600.0
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    initial_seconds: Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)] = 1.0
    factor: Annotated[float, Field(ge=1, le=10, allow_inf_nan=False)] = 2.0
    max_seconds: Annotated[float, Field(ge=0, le=604_800, allow_inf_nan=False)] = 3_600.0
    jitter: Annotated[Jitter, Field(strict=False)] = Jitter.FULL

    def delay_s(self, attempt: int, uniform: Callable[[], float] = random.random) -> float:
        """Seconds to wait after `attempt` (1-based) failed; `uniform` draws from [0, 1)."""
        growth = min(self.factor ** min(attempt - 1, 300), 1e12)
        backoff = min(self.initial_seconds * growth, self.max_seconds)
        if self.jitter is Jitter.NONE:
            return backoff
        if self.jitter is Jitter.FULL:
            return backoff * uniform()
        return backoff / 2 + backoff / 2 * uniform()

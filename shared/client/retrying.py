"""When a call is sent again, and after how long."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

import httpx

from shared.client.calls import Call, Flow, Pause, Repeat
from shared.client.errors import error_of, no_answer, seconds_of

#: Nothing was carried out: the connection was not made.
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
#: The API is away or busy now and may be back at once; what it has done is unknown, except for 429.
_AGAIN = frozenset({429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Retries:
    """How a client repeats what failed in passing.

    Attributes:
        attempts: most tries of one call, the first included.
        initial_s: most seconds before the second try; doubled for each further one; the wait is drawn
            from 0 to that (full jitter).
        longest_s: the longest pause; an API that asks for a longer one is not asked again.
    """

    attempts: int = 4
    initial_s: float = 0.25
    longest_s: float = 10.0

    def pause_s(
        self, attempt: int, asked_s: float | None = None, uniform: Callable[[], float] = random.random
    ) -> float | None:
        """Seconds to wait after `attempt` (1-based) failed; None for: no further try.

        >>> Retries().pause_s(1, uniform=lambda: 1.0), Retries().pause_s(3, uniform=lambda: 1.0)
        (0.25, 1.0)
        >>> Retries().pause_s(1, asked_s=2.0), Retries().pause_s(1, asked_s=60.0), Retries().pause_s(4)
        (2.0, None, None)
        """
        if attempt >= self.attempts or (asked_s is not None and asked_s > self.longest_s):
            return None
        if asked_s is not None:
            return asked_s
        return min(self.initial_s * 2.0 ** (attempt - 1), self.longest_s) * uniform()


def answered(call: Call, retries: Retries, url: str) -> Flow[httpx.Response]:
    """Send a call until it is answered well.

    Raises:
        ApiError: what the API refuses, or `Unavailable` when no try was answered.
    """
    attempt = 0
    while True:
        attempt += 1
        asked_s = None
        try:
            response: httpx.Response = yield call
        except httpx.TransportError as error:
            failure = no_answer(error, url)
            may_repeat = call.repeat is Repeat.SAFE or isinstance(error, _NOT_SENT)
        else:
            if response.status_code < 300:
                return response
            if call.method == "DELETE" and response.status_code == 404 and attempt > 1:
                return response  # an earlier try removed it, its answer was lost
            failure = error_of(response)  # type: ignore[assignment]  # wider than Unavailable
            asked_s = seconds_of(response.headers.get("retry-after", ""))
            may_repeat = response.status_code in _AGAIN and (
                call.repeat is Repeat.SAFE or response.status_code == 429
            )
        pause_s = retries.pause_s(attempt, asked_s) if may_repeat else None
        if pause_s is None:
            raise failure from None
        yield Pause(pause_s)

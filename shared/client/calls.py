"""What an operation asks of the world: a call to be sent, a pause to be kept. No I/O happens here.

An operation is a generator that yields these and is sent the answers, so one text of it serves the
synchronous and the asynchronous client; see `flows.py` for who drives it.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, TypeVar

import httpx

_T = TypeVar("_T")


class Repeat(Enum):
    """Whether a call may be sent again whose answer was lost."""

    SAFE = "safe"
    """Sending it twice has the effect of once."""
    UNSAFE = "unsafe"
    """Only while it is sure that it was not carried out."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request.

    Attributes:
        method: of HTTP.
        path: below `/api`, begins with a slash.
        params: of the query; those that are None are left out.
        body: JSON text.
        headers: beside those of every request.
        repeat: whether it may be sent again.
        patience_s: how much longer than usual an answer may take.
    """

    method: str
    path: str
    params: Mapping[str, Any] = field(default_factory=dict)
    body: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    repeat: Repeat = Repeat.SAFE
    patience_s: float = 0.0

    def request_fields(self, timeout_s: float) -> dict[str, Any]:
        """The call as httpx takes it."""
        headers = {**self.headers, "Content-Type": "application/json"} if self.body else dict(self.headers)
        return {
            "method": self.method,
            "url": f"/api{self.path}",
            "params": {name: value for name, value in self.params.items() if value is not None},
            "content": self.body,
            "headers": headers,
            "timeout": httpx.Timeout(timeout_s + self.patience_s, connect=timeout_s),
        }


@dataclass(frozen=True, slots=True)
class Pause:
    """Go on after so many seconds."""

    seconds: float


Step = Call | Pause
#: Yields steps; is sent the response of a call, or has its httpx.TransportError thrown in.
Flow = Generator[Step, Any, _T]

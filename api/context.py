"""What belongs to one request: its id, its caller, and the queue that counts its Redis calls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from starlette.types import Scope

from api.security.keys import Role
from api.security.reach import ALL_QUEUES, Reach
from shared.queue import Allowance, TaskQueue
from shared.rates import Rate

_KEY = "dtq"


@dataclass(slots=True)
class RequestContext:
    """Carried in the ASGI scope, from the outermost layer to the route.

    Attributes:
        request_id: as accepted from X-Request-ID, else made here.
        role: of the caller; None before the guard has judged and on public paths.
        caller: name of its key, for the audit log; `local` where there are no keys.
        reach: which queues it reaches.
        rate: how fast it may submit; None for no limit.
        allowance: of a submission, with what is left of it; it becomes the RateLimit headers.
        session_ends_at: seconds since 1970, when it came with a session; None when it came with its key.
        task_id: of the task that was submitted, for the log; a route that names one in its path need not.
        queue: made by the first dependency that needs it; its `calls` become X-Redis-Calls.
    """

    request_id: str
    role: Role | None = None
    caller: str = "local"
    reach: Reach = ALL_QUEUES
    rate: Rate | None = None
    session_ends_at: int | None = None
    allowance: Allowance | None = None
    task_id: str | None = None
    queue: TaskQueue | None = None

    @property
    def by(self) -> str:
        """Who acts, as control operations take it: the name, and the request's id for the audit log."""
        return f"{self.caller}\n{self.request_id}"

    @property
    def redis_calls(self) -> int:
        """Calls that Redis was sent for this request."""
        return self.queue.calls if self.queue else 0


def attach(scope: Scope, context: RequestContext) -> None:
    """Give a request its context."""
    scope[_KEY] = context


def context_of(scope: Scope) -> RequestContext:
    """The context of a request."""
    return cast("RequestContext", scope[_KEY])


def header_values(scope: Scope, name: bytes) -> list[str]:
    """All values of a header; `name` in lower case."""
    return [value.decode("latin-1") for key, value in scope["headers"] if key == name]

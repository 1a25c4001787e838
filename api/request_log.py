"""One JSON line per request: what was asked and what it cost, never headers, payloads or keys."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

from starlette.types import Scope

from api.context import RequestContext
from api.wire import to_json, utc
from shared.ids import is_task_id

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def log_request(scope: Scope, context: RequestContext, status: int | None, duration_s: float) -> None:
    """Write the line of a request that has been answered.

    It goes to the standard output of this moment: Vercel puts its own in place of the first one.

    Args:
        scope: of the request; the route's template stands for its path, which may hold anything.
        context: of the request.
        status: of the answer; None when the client left before there was one.
        duration_s: from the first line of the request to the end of the answer.
    """
    route = getattr(scope.get("route"), "path", None)
    line = to_json(
        {
            "at": utc(datetime.now(UTC)),
            "event": "request",
            "method": scope["method"] if scope["method"] in _METHODS else "other",
            "route": route,
            "status": status,
            "duration_ms": round(duration_s * 1000, 3),
            "request_id": context.request_id,
            "task_id": context.task_id or _task_of(scope),
            "redis_calls": context.redis_calls,
        }
    )
    sys.stdout.write(line.decode() + "\n")
    sys.stdout.flush()


def _task_of(scope: Scope) -> str | None:
    task_id = scope.get("path_params", {}).get("task_id", "")
    return task_id if is_task_id(task_id) else None

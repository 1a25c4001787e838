"""`/api/settings`: the limits in force, and the variable that sets each."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.body import MAX_DEPTH
from api.caching import cached_response
from api.deps import ReadQueue, runtime_of
from api.schemas import LimitsInForce, answer, problems
from api.settings import ApiSettings
from shared.models import MAX_BATCH

router = APIRouter(prefix="/api/settings", tags=["keys"])

#: Name, unit and field of the settings, whose name is that of the variable in capitals.
_SET = (
    ("One request", "bytes", "max_body_bytes"),
    ("One payload", "bytes", "max_payload_bytes"),
    ("Submissions of a key", "rate", "api_rate_limit"),
    ("Redis calls in a month", "calls", "monthly_budget_calls"),
    ("Waiting for a result", "seconds", "max_wait_seconds"),
    ("A stream of events", "seconds", "events_stream_seconds"),
    ("A session of the dashboard", "seconds", "session_seconds"),
    ("Ended tasks are kept", "seconds", "retention_seconds"),
    ("Ended tasks kept per status", "tasks", "retention_count"),
    ("Dead tasks are kept", "seconds", "dead_retention_seconds"),
    ("Dead tasks kept", "tasks", "dead_retention_count"),
)
_FIXED = (("Tasks in one batch", "tasks", MAX_BATCH), ("Nesting of a body", "levels", MAX_DEPTH))


@router.get(
    "",
    summary="Read the limits in force",
    responses={200: answer(LimitsInForce, "Limits, and what sets them."), **problems()},
)
async def read_settings(request: Request, _: ReadQueue) -> Response:
    """What this deployment bounds, the value in force and the variable that sets it; no Redis call.

    A worker has settings of its own: the retentions are those of this side, and should be the same on both.
    """
    return cached_response(request, {"limits": _limits(runtime_of(request).settings)})


def _limits(settings: ApiSettings) -> list[dict[str, Any]]:
    bounds = [
        {"name": name, "unit": unit, "value": getattr(settings, field), "variable": field.upper()}
        for name, unit, field in _SET
    ]
    return bounds + [
        {"name": name, "unit": unit, "value": value, "variable": None} for name, unit, value in _FIXED
    ]

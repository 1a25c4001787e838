"""`/api/stats`: series by the minute or hour."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from api.caching import cached_response
from api.deps import ReadQueue
from api.replies import readable_reply
from api.schemas import answer, problems
from api.wire import plain
from shared.errors import InvalidInput
from shared.models import Stats
from shared.queue.statistics import MAX_HOURS, MAX_MINUTES

router = APIRouter(prefix="/api/stats", tags=["overview"])

DEFAULT_MINUTES = 60


def _minutes_since(text: str) -> int:
    if not text:
        return DEFAULT_MINUTES
    try:
        since = datetime.fromisoformat(text)
    except ValueError:
        since = None
    if since is None or since.tzinfo is None:
        raise InvalidInput("since", "is no ISO 8601 time with a zone.", 'Send "2026-12-01T08:00:00Z".')
    minutes = math.floor((datetime.now(UTC) - since).total_seconds() / 60) + 1
    if not 1 <= minutes <= MAX_HOURS * 60:
        raise InvalidInput(
            "since", "must lie within the last 7 days.", "Send a later time, not a future one."
        )
    return minutes


@router.get(
    "",
    summary="Read the series by the minute or hour",
    responses={200: answer(Stats, "A point per minute or hour, oldest first."), **problems(422)},
)
async def read_stats(
    request: Request,
    queue: ReadQueue,
    since: Annotated[
        str,
        Query(
            description="ISO 8601 time, at most 7 days ago; default: an hour ago.",
            json_schema_extra={"format": "time-of-today"},
        ),
    ] = "",
    queues: Annotated[
        Literal["", "each"], Query(description="`each` tells the series of each queue, too, by the minute.")
    ] = "",
) -> Response:
    """How many tasks were submitted, started and ended in each minute, and how long they waited and ran.

    Up to 24 hours back there is a point a minute, farther back one an hour. Waits and runs are estimated from
    samples of at most ten tasks a call. A task counts as submitted when a worker's exchange or this read first
    sees it. Of queues, the first 64 that something happened to in a minute are told.
    """
    minutes = _minutes_since(since)
    if queues and minutes > MAX_MINUTES:
        raise InvalidInput("queues", "are told by the minute.", "Send a `since` within the last 24 hours.")
    with readable_reply():
        if minutes <= MAX_MINUTES:
            stats = await queue.stats(minutes, with_queues=queues == "each")
        else:
            stats = await queue.stats_by_hour(min(MAX_HOURS, math.ceil(minutes / 60)))
    return cached_response(request, plain(stats))

"""`/api/overview`: the dashboard's first read."""

from __future__ import annotations

from datetime import timedelta

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.caching import cached_response
from api.context import context_of
from api.deps import ScopedReadQueue, reach_of, runtime_of
from api.reached import reached_part
from api.replies import readable_reply
from api.schemas import OverviewOut, answer, problems
from api.wire import plain, utc
from shared.models import Overview

router = APIRouter(prefix="/api/overview", tags=["overview"])


@router.get(
    "",
    summary="The state of everything",
    responses={200: answer(OverviewOut, "Counts, queues, live workers."), **problems()},
)
async def read_overview(request: Request, queue: ScopedReadQueue) -> Response:
    """Counts by status, queues, live workers and the age of the oldest pending task, in one Redis read.

    304 says that nothing changed but the time: add what has passed to `oldest_pending_seconds`. A key that
    is bound to queues sees these alone, and no `oldest_pending_seconds`.
    """
    with readable_reply():
        overview = reached_part(await queue.overview(), reach_of(request))
    role = context_of(request.scope).role
    runtime = runtime_of(request)
    await runtime.watch.look(queue)
    budget = runtime.budget
    value = {
        "environment": queue.options.namespace,
        **plain(overview),
        "role": role,
        "budget": budget.level if budget.calls else None,
    }
    same = {**value, "now": None, "oldest_pending_seconds": _oldest_since(overview)}
    return cached_response(request, value, same=same)


def _oldest_since(overview: Overview) -> str | None:
    """Since when the oldest task is pending: what stays the same while its age grows."""
    age_s = overview.oldest_pending_seconds
    return None if age_s is None else utc(overview.now - timedelta(seconds=age_s))

"""`/api/metrics`: for Prometheus."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import PlainTextResponse, Response

from api.deps import ScopedReadQueue, reach_of
from api.metrics import MEDIA_TYPE, metrics_text
from api.reached import reached_part
from api.replies import readable_reply
from api.schemas import problems

router = APIRouter(prefix="/api/metrics", tags=["metrics"])

_TEXT = {
    "description": "Prometheus' text format.",
    "content": {"text/plain": {"schema": {"type": "string"}, "example": "dtq_workers 2\n"}},
}


@router.get(
    "",
    summary="Metrics for Prometheus",
    response_class=PlainTextResponse,
    responses={200: _TEXT, **problems()},
)
async def read_metrics(request: Request, queue: ScopedReadQueue) -> Response:
    """Tasks by queue and status, paused queues, live workers, age of the oldest pending task; one read.

    Where Redis calls are billed, each scrape costs what `/api/overview` costs: choose its interval by that.
    """
    with readable_reply():
        text = metrics_text(reached_part(await queue.overview(), reach_of(request)))
    return Response(text, headers={"Cache-Control": "no-store", "Content-Type": MEDIA_TYPE})

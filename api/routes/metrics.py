"""`/api/metrics`: for Prometheus."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import PlainTextResponse, Response

from api.deps import ReadQueue
from api.metrics import MEDIA_TYPE, metrics_text
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
async def read_metrics(queue: ReadQueue) -> Response:
    """Tasks by queue and status, paused queues, live workers, age of the oldest pending task; one read.

    Where Redis calls are billed, each scrape costs what `/api/overview` costs: choose its interval by that.
    """
    with readable_reply():
        text = metrics_text(await queue.overview())
    return Response(text, headers={"Cache-Control": "no-store", "Content-Type": MEDIA_TYPE})

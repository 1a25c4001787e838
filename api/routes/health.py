"""`/api/health` and `/api/ready`: alive, and able to serve."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.deps import ScopedReadQueue
from api.schemas import Health, Ready, answer, problems
from api.wire import json_response

router = APIRouter(prefix="/api", tags=["health"])


@router.get(
    "/health",
    summary="Is the process alive",
    responses={200: answer(Health, "Alive.", {"status": "ok"})},
    openapi_extra={"security": []},
)
async def read_health() -> Response:
    """Never touches Redis, needs no key, and answers even when nothing is configured."""
    return json_response({"status": "ok"})


async def _read_health_head(_: Request) -> Response:
    return await read_health()


# Monitors ask by HEAD; the server leaves the body out.
router.add_route("/api/health", _read_health_head, methods=["HEAD"])


@router.get(
    "/ready",
    summary="Does Redis answer",
    responses={200: answer(Ready, "Redis answered.", {"status": "ready"}), **problems()},
)
async def read_ready(queue: ScopedReadQueue) -> Response:
    """One PING; 503 while Redis is away."""
    await queue.ping()
    return json_response({"status": "ready"})

"""`/api/workers`: list, drain."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.bodies import Drain, read_control
from api.caching import cached_response
from api.deps import Caller, ControlQueue, ScopedReadQueue, known_worker, reach_of
from api.reached import reached_part
from api.replies import readable_reply
from api.schemas import WorkerDrained, WorkerList, answer, json_body, problems
from api.wire import json_response, plain

router = APIRouter(prefix="/api/workers", tags=["workers"])

_EXAMPLES = {"claim no more": {"drain": True}, "claim again": {"drain": False}}


@router.get(
    "",
    summary="List workers",
    responses={200: answer(WorkerList, "All workers whose lease holds."), **problems()},
)
async def list_workers(request: Request, queue: ScopedReadQueue) -> Response:
    """Each worker process as it described itself at its start, and when its lease ends unless renewed."""
    with readable_reply():
        overview = reached_part(await queue.overview(), reach_of(request))
    return cached_response(request, {"workers": [plain(one) for one in overview.workers]})


@router.post(
    "/{name}/drain",
    summary="Drain a worker",
    responses={200: answer(WorkerDrained, "Asked."), **problems(400, 404, 413, 415, 422)},
    openapi_extra=json_body(Drain, _EXAMPLES, required=False),
)
async def drain_worker(request: Request, queue: ControlQueue, name: str, by: Caller) -> Response:
    """Ask a worker to claim no more, or to claim again; what it runs goes on. May be repeated."""
    wanted = await read_control(request, Drain)
    with readable_reply():
        running = int(await queue.drain(known_worker(name), by=by, hold=wanted.drain))
    return json_response({"name": name, "drain": wanted.drain, "running": running})

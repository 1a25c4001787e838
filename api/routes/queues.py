"""`/api/queues`: list, pause, resume, purge."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.bodies import NoFields, Pause, Purge, read_control
from api.bulk import purge_queue
from api.caching import cached_response
from api.deps import Caller, ScopedControlQueue, ScopedReadQueue, reach_of
from api.reached import reached_part
from api.replies import readable_reply
from api.schemas import NAME_IN_PATH, QueueHeld, QueueList, answer, json_body, problems
from api.wire import json_response, plain
from shared.jobs import Job

router = APIRouter(prefix="/api/queues", tags=["queues"])

_REASON = {"with a reason": {"reason": "the mail server is being moved"}}


@router.get(
    "",
    summary="List queues",
    responses={200: answer(QueueList, "How many tasks of each queue are where."), **problems()},
)
async def list_queues(request: Request, queue: ScopedReadQueue) -> Response:
    """Every queue that was used or paused, by name; `paused` says by whom, why and since when."""
    with readable_reply():
        overview = reached_part(await queue.overview(), reach_of(request))
    return cached_response(request, {"queues": [plain(one) for one in overview.queues]})


@router.post(
    "/{name}/pause",
    summary="Pause a queue",
    responses={200: answer(QueueHeld, "Paused."), **problems(400, 413, 415, 422)},
    openapi_extra=json_body(Pause, _REASON, required=False),
)
async def pause_queue(
    request: Request, queue: ScopedControlQueue, name: Annotated[str, NAME_IN_PATH], by: Caller
) -> Response:
    """Hold a queue, used before or not: what runs goes on, what is submitted waits.

    A queue that is paused already keeps its first reason and time.
    """
    reach_of(request).check(name, "queue")
    wanted = await read_control(request, Pause)
    with readable_reply():
        pending = int(await queue.pause(name, by=by, reason=wanted.reason))
    return json_response({"name": name, "paused": True, "pending": pending})


@router.post(
    "/{name}/resume",
    summary="Resume a queue",
    responses={200: answer(QueueHeld, "Not paused any more."), **problems(400, 413, 415, 422)},
)
async def resume_queue(
    request: Request, queue: ScopedControlQueue, name: Annotated[str, NAME_IN_PATH], by: Caller
) -> Response:
    """Let a queue go on; workers are woken. One that was not paused stays as it is."""
    reach_of(request).check(name, "queue")
    await read_control(request, NoFields)
    with readable_reply():
        pending = int(await queue.resume(name, by=by))
    return json_response({"name": name, "paused": False, "pending": pending})


@router.post(
    "/{name}/purge",
    status_code=202,
    summary="Purge a queue",
    responses={202: answer(Job, "Begun, perhaps done."), **problems(400, 404, 409, 413, 415, 422, 507)},
    openapi_extra=json_body(Purge, {"all that waits": {"scheduled": True}}, required=False),
)
async def purge(
    request: Request, queue: ScopedControlQueue, name: Annotated[str, NAME_IN_PATH], by: Caller
) -> Response:
    """Remove the pending tasks of a queue for good, as a bulk operation: `Location` tells how far it is.

    What runs goes on, what is submitted from now on stays.
    """
    reach_of(request).check(name, "queue")
    return await purge_queue(request, queue, name, by)

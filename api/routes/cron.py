"""`/api/cron/tick`: what workers do by the way, done by whoever asks when no worker lives."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.bodies import NoFields, read_control
from api.deps import ControlQueue, runtime_of
from api.operations import tick_in_time
from api.schemas import Ticked, answer, problems
from api.wire import json_response

router = APIRouter(prefix="/api/cron", tags=["cron"])

_EITHER_KEY: dict[str, Any] = {"security": [{"key": []}, {"cron": []}]}


@router.get(
    "/tick",
    summary="Do what is due (as Vercel's cron asks)",
    responses={200: answer(Ticked, "Done, or begun."), **problems()},
    openapi_extra=_EITHER_KEY,
)
async def tick(request: Request, queue: ControlQueue) -> Response:
    """Promote delayed tasks, fire due schedules, take back what lost workers held, remove what is old.

    Takes an admin key, or the value of CRON_SECRET. Ends within about 4 s; `more` asks for another call.
    """
    await runtime_of(request).watch.look(queue)
    return json_response({"more": await tick_in_time(queue)})


@router.post(
    "/tick",
    summary="Do what is due",
    responses={200: answer(Ticked, "Done, or begun."), **problems(400, 413, 415, 422)},
    openapi_extra=_EITHER_KEY,
)
async def tick_by_post(request: Request, queue: ControlQueue) -> Response:
    """The same as GET, for those who keep GET free of effects."""
    await read_control(request, NoFields)
    await runtime_of(request).watch.look(queue)
    return json_response({"more": await tick_in_time(queue)})

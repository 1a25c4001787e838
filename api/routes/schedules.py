"""`/api/schedules`: what is submitted again and again."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.bodies import NoFields, Pause, SchedulePreview, read_control
from api.caching import cached_response
from api.deps import Caller, ScopedControlQueue, ScopedReadQueue, known_schedule, reach_of, runtime_of
from api.recurring import (
    delete_known,
    is_reached,
    next_times,
    pause_known,
    reached_schedule,
    resume_known,
    run_known,
    shown_schedule,
    store_schedule,
)
from api.replies import readable_reply
from api.schemas import (
    NAME_IN_PATH,
    TASK_ID,
    ScheduleList,
    ScheduleRun,
    ScheduleTimes,
    answer,
    json_body,
    problems,
)
from api.wire import json_response
from shared.models import Schedule, ScheduleSpec

router = APIRouter(prefix="/api/schedules", tags=["schedules"])

_MAIL = {"task_type": "email", "payload": {"to": "ada@example.org", "subject": "Report", "body": "…"}}
_SPECS = {
    "working days at nine": {"cron": "0 9 * * 1-5", "zone": "Europe/Berlin", "task": _MAIL},
    "every ten minutes, one at a time": {"interval_seconds": 600, "task": _MAIL, "overlap": "skip"},
}
_RULES = {
    "working days at nine": {"cron": "0 9 * * 1-5", "zone": "Europe/Berlin", "count": 5},
    "every ten minutes": {"interval_seconds": 600},
}
_REASON = {"with a reason": {"reason": "the mail server is being moved"}}


@router.get(
    "",
    summary="List schedules",
    responses={200: answer(ScheduleList, "All of them, by id."), **problems()},
)
async def list_schedules(request: Request, queue: ScopedReadQueue) -> Response:
    """What each submits, when it fires next, its last task, and why it is paused; one Redis call."""
    with readable_reply():
        schedules = await queue.schedules()
    reached = [one for one in schedules if is_reached(reach_of(request), one)]
    shown = await runtime_of(request).secrets.show_schedules(queue, reached)
    return cached_response(request, {"schedules": shown})


@router.post(
    "/preview",
    summary="Preview a timing",
    responses={
        200: answer(ScheduleTimes, "Times in UTC, the first one after now."),
        **problems(400, 413, 415, 422),
    },
    openapi_extra=json_body(SchedulePreview, _RULES),
)
async def preview_timing(request: Request, queue: ScopedReadQueue) -> Response:
    """When a cron expression or an interval would fire; nothing is stored, and Redis is not asked."""
    return json_response({"next": next_times(await read_control(request, SchedulePreview))})


@router.get(
    "/{schedule_id}",
    summary="Read a schedule",
    responses={200: answer(Schedule, "The schedule as it is stored now."), **problems(404)},
)
async def read_schedule(request: Request, queue: ScopedReadQueue, schedule_id: str) -> Response:
    """Its definition, when it fires next, its last task, and why it is paused."""
    schedule = await reached_schedule(request, queue, known_schedule(schedule_id))
    return cached_response(request, await shown_schedule(request, queue, schedule))


@router.put(
    "/{schedule_id}",
    summary="Create or change a schedule",
    responses={
        200: answer(Schedule, "Changed; its next time is counted from now."),
        201: answer(Schedule, "Created."),
        **problems(400, 409, 413, 415, 422, 507),
    },
    openapi_extra=json_body(ScheduleSpec, _SPECS),
)
async def put_schedule(
    request: Request, queue: ScopedControlQueue, schedule_id: Annotated[str, NAME_IN_PATH], by: Caller
) -> Response:
    """Store a schedule under an id of your choice. May be repeated; one that is paused stays so.

    The task is checked as a submission is. Queue and retries that it leaves out are those of its type
    now, and are stored with it.
    """
    is_new, schedule = await store_schedule(request, queue, schedule_id, by)
    headers = {"Location": f"/api/schedules/{schedule_id}"} if is_new else None
    return json_response(await shown_schedule(request, queue, schedule), 201 if is_new else 200, headers)


@router.delete(
    "/{schedule_id}",
    status_code=204,
    summary="Delete a schedule",
    responses={204: {"description": "Removed; it submits no more."}, **problems(404)},
)
async def delete_schedule(
    request: Request, queue: ScopedControlQueue, schedule_id: str, by: Caller
) -> Response:
    """Remove a schedule; the tasks that it submitted stay."""
    await delete_known(request, queue, known_schedule(schedule_id), by)
    return Response(status_code=204, headers={"Cache-Control": "no-store"})


@router.post(
    "/{schedule_id}/pause",
    summary="Pause a schedule",
    responses={200: answer(Schedule, "Paused."), **problems(400, 404, 413, 415, 422)},
    openapi_extra=json_body(Pause, _REASON, required=False),
)
async def pause_schedule(
    request: Request, queue: ScopedControlQueue, schedule_id: str, by: Caller
) -> Response:
    """Let no time fire until it is resumed. May be repeated; the last reason is kept."""
    wanted = await read_control(request, Pause)
    schedule = await pause_known(request, queue, known_schedule(schedule_id), by, wanted.reason)
    return json_response(await shown_schedule(request, queue, schedule))


@router.post(
    "/{schedule_id}/resume",
    summary="Resume a schedule",
    responses={200: answer(Schedule, "Not paused any more."), **problems(400, 404, 413, 415, 422)},
)
async def resume_schedule(
    request: Request, queue: ScopedControlQueue, schedule_id: str, by: Caller
) -> Response:
    """Go on with the first time after now; what passed meanwhile does not fire."""
    await read_control(request, NoFields)
    schedule = await resume_known(request, queue, known_schedule(schedule_id), by)
    return json_response(await shown_schedule(request, queue, schedule))


@router.post(
    "/{schedule_id}/run",
    status_code=202,
    summary="Run a schedule's task now",
    responses={
        202: answer(ScheduleRun, "Submitted.", {"id": TASK_ID}),
        **problems(400, 404, 413, 415, 422, 507),
    },
)
async def run_schedule(request: Request, queue: ScopedControlQueue, schedule_id: str, by: Caller) -> Response:
    """Submit its task once more, even while it is paused; its times stay. A repeat submits another one."""
    await read_control(request, NoFields)
    task_id = await run_known(request, queue, known_schedule(schedule_id), by)
    return json_response({"id": task_id}, 202, {"Location": f"/api/tasks/{task_id}"})

"""`/api/dead-letters`: dead tasks, one by one and by their error."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from api.bodies import BulkRequeue, DeadFilter, GroupStep, read_control
from api.bulk import delete_dead, requeue_dead, requeue_whole_group
from api.caching import cached_response
from api.deps import Caller, ControlQueue, ReadQueue, ScopedReadQueue, runtime_of
from api.listing import answer_page
from api.operations import requeue_group
from api.queries import DeadLetterQuery, GroupListQuery
from api.replies import readable_reply
from api.schemas import (
    NAME_IN_PATH,
    TASK_ID,
    ErrorGroupList,
    GroupRequeued,
    TaskList,
    answer,
    json_body,
    problems,
)
from api.wire import json_response
from shared.jobs import Job

router = APIRouter(prefix="/api/dead-letters", tags=["dead letters"])

_STEPS = {
    "the first 20": {"limit": 20},
    "the next 20": {"limit": 20, "cursor": TASK_ID},
    "one first, then 20 a second": {"first": 1, "per_second": 20},
}
_REQUEUES = {
    "of a queue, one first, then 20 a second": {"queue": "mail", "first": 1, "per_second": 20},
    "of a type, with another payload": {"task_type": "email", "payload": {"to": "ada@example.org"}},
    "all": {"all": True},
}
_DELETIONS = {"of an error": {"fingerprint": "5f1d7a84e1f0c2b3"}, "all": {"all": True}}
_BEGUN = "Begun, perhaps done; Location tells how far it is."


@router.get(
    "",
    summary="List dead tasks",
    responses={200: answer(TaskList, "A page; the Link header leads to the next."), **problems(400, 422)},
)
async def list_dead_letters(
    request: Request, queue: ScopedReadQueue, query: Annotated[DeadLetterQuery, Query()]
) -> Response:
    """Tasks in status `dead`, the latest deaths first; the same pages as `/api/tasks?status=dead`."""
    return await answer_page(request, queue, query)


@router.get(
    "/groups",
    summary="Group dead tasks by their error",
    responses={200: answer(ErrorGroupList, "Groups, each with its newest task."), **problems(422)},
)
async def list_error_groups(
    request: Request, queue: ReadQueue, query: Annotated[GroupListQuery, Query()]
) -> Response:
    """Dead tasks whose errors have the same fingerprint, the group with the latest death first."""
    with readable_reply():
        groups = await queue.error_groups(query.limit)
    shown = await runtime_of(request).secrets.show_groups(queue, groups)
    return cached_response(request, {"groups": shown})


@router.post(
    "/requeue",
    status_code=202,
    summary="Requeue dead tasks by a filter",
    responses={202: answer(Job, _BEGUN), **problems(400, 404, 409, 413, 415, 422, 507)},
    openapi_extra=json_body(BulkRequeue, _REQUEUES),
)
async def requeue_by_filter(request: Request, queue: ControlQueue, by: Caller) -> Response:
    """Requeue dead tasks as a bulk operation, oldest deaths first, at a pace when one is given.

    Tasks that die after its beginning are left alone. A repeat without an answer begins another one, which
    finds what is left.
    """
    return await requeue_dead(request, queue, by)


@router.post(
    "/delete",
    status_code=202,
    summary="Delete dead tasks by a filter",
    responses={202: answer(Job, _BEGUN), **problems(400, 404, 409, 413, 415, 422, 507)},
    openapi_extra=json_body(DeadFilter, _DELETIONS),
)
async def delete_by_filter(request: Request, queue: ControlQueue, by: Caller) -> Response:
    """Remove dead tasks for good, as a bulk operation; those that die after its beginning stay."""
    return await delete_dead(request, queue, by)


@router.post(
    "/groups/{fingerprint}/requeue",
    summary="Requeue a group, in steps or at a pace",
    responses={
        200: answer(GroupRequeued, "This step is done."),
        202: answer(Job, _BEGUN),
        **problems(400, 404, 409, 413, 415, 422, 507),
    },
    openapi_extra=json_body(GroupStep, _STEPS, required=False),
)
async def requeue_error_group(
    request: Request, queue: ControlQueue, fingerprint: Annotated[str, NAME_IN_PATH], by: Caller
) -> Response:
    """Requeue up to 100 tasks of a group, oldest submission first; or all of them, as a bulk operation.

    Repeat a step with `next_cursor` as `cursor` until it is null. A step whose answer was lost may be
    repeated: what it requeued has left the group. With `first`, `per_second` or `payload` the whole group
    is meant, and the answer is a bulk operation.
    """
    step = await read_control(request, GroupStep)
    if step.is_paced:
        return await requeue_whole_group(request, queue, fingerprint, step, by)
    return json_response(await requeue_group(queue, fingerprint, step, by))

"""`/api/dead-letters`: dead tasks, one by one and by their error."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from api.bodies import GroupStep
from api.caching import cached_response
from api.deps import Caller, ControlQueue, ReadQueue
from api.operations import requeue_group
from api.pagination import page_links
from api.queries import DeadLetterQuery, GroupListQuery
from api.replies import readable_reply
from api.schemas import TASK_ID, ErrorGroupList, GroupRequeued, TaskList, answer, json_body, problems
from api.wire import json_response, plain

router = APIRouter(prefix="/api/dead-letters", tags=["dead letters"])

_STEPS = {"the first 20": {"limit": 20}, "the next 20": {"limit": 20, "cursor": TASK_ID}}


@router.get(
    "",
    summary="List dead tasks",
    responses={200: answer(TaskList, "A page; the Link header leads to the next."), **problems(400, 422)},
)
async def list_dead_letters(
    request: Request, queue: ReadQueue, query: Annotated[DeadLetterQuery, Query()]
) -> Response:
    """Tasks in status `dead`, the latest deaths first; the same pages as `/api/tasks?status=dead`."""
    with readable_reply():
        page = await queue.list_tasks(query.wanted, limit=query.limit, cursor=query.cursor)
    value = {"tasks": [plain(task) for task in page.tasks], "next_cursor": page.next_cursor}
    return cached_response(request, value, headers=page_links(request, page.next_cursor))


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
    return cached_response(request, {"groups": [plain(group) for group in groups]})


@router.post(
    "/groups/{fingerprint}/requeue",
    summary="Requeue a group, in steps",
    responses={200: answer(GroupRequeued, "This step is done."), **problems(400, 404, 413, 415, 422)},
    openapi_extra=json_body(GroupStep, _STEPS, required=False),
)
async def requeue_error_group(
    request: Request, queue: ControlQueue, fingerprint: str, by: Caller
) -> Response:
    """Requeue up to 100 tasks of a group, oldest submission first.

    Repeat with `next_cursor` as `cursor` until it is null. A step whose answer was lost may be
    repeated: what it requeued has left the group.
    """
    return json_response(await requeue_group(request, queue, fingerprint, by))

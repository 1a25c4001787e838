"""`/api/audit`: who did what; `/api/audit/repair`: finds and repairs what disagrees in the store."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from api.bodies import NoFields, read_control
from api.caching import cached_response
from api.deps import ControlQueue, ReadQueue
from api.operations import audit_in_time
from api.pagination import page_links
from api.queries import AuditQuery
from api.replies import readable_reply
from api.schemas import Audited, AuditState, answer, problems
from api.wire import json_response, plain, utc
from shared.queue.audit import AuditPage

router = APIRouter(prefix="/api/audit", tags=["audit"])


@router.get(
    "",
    summary="List control actions",
    responses={200: answer(AuditPage, "A page; the Link header leads to the next."), **problems(422)},
)
async def list_actions(
    request: Request, queue: ControlQueue, query: Annotated[AuditQuery, Query()]
) -> Response:
    """Who did what, and when: the newest first, about 10,000 are kept.

    Cancel, requeue, change, delete, pause, resume, drain, schedules, reveal, sign-in: each with the name of
    the key and the request's id, by which the log of the API has it.
    """
    with readable_reply():
        page = await queue.audit_log(limit=query.limit, cursor=query.cursor)
    return cached_response(request, plain(page), headers=page_links(request, page.next_cursor))


@router.post(
    "/repair",
    summary="Audit and repair",
    responses={
        200: answer(Audited, "Through, or as far as the time allowed."),
        **problems(400, 413, 415, 422),
    },
)
async def repair(request: Request, queue: ControlQueue) -> Response:
    """Look through what is stored and repair what disagrees, for about 3 s; `more` asks for another call.

    Records are the truth: a task in no index is put back where its record says, what an index names without
    cause is dropped, counts are taken again. Nothing is repaired while all agrees, which is always but after a
    failover of a server that loses what it acknowledged.
    """
    await read_control(request, NoFields)
    return json_response(await audit_in_time(queue))


@router.get(
    "/repair",
    summary="What audits repaired",
    responses={200: answer(AuditState, "Sums since the namespace began."), **problems()},
)
async def read_repairs(queue: ReadQueue) -> Response:
    """When the last audit ended, whether one is under way, and what was repaired so far, by kind."""
    with readable_reply():
        totals = await queue.audit_totals()
    finished_at = utc(totals.finished_at) if totals.finished_at else None
    return json_response(
        {
            "finished_at": finished_at,
            "is_under_way": totals.is_under_way,
            "repaired": totals.repaired,
        }
    )

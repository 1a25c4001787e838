"""`/api/jobs`: bulk operations, which go on after the answer."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from api.bodies import NoFields, read_control
from api.caching import cached_response
from api.deps import Caller, ControlQueue, ReadQueue, known_job
from api.queries import JobListQuery
from api.replies import readable_reply
from api.schemas import JobList, answer, problems
from api.wire import json_response, plain
from shared.jobs import Job

router = APIRouter(prefix="/api/jobs", tags=["bulk operations"])


@router.get(
    "",
    summary="List bulk operations",
    responses={200: answer(JobList, "Those that go on, then the ended ones of a day."), **problems(422)},
)
async def list_jobs(request: Request, queue: ReadQueue, query: Annotated[JobListQuery, Query()]) -> Response:
    """The newest of those that go on first, then ended ones, the latest end first; at most 100 of them are kept."""
    with readable_reply():
        jobs = await queue.list_jobs(query.limit)
    return cached_response(request, {"jobs": [plain(job) for job in jobs]})


@router.get(
    "/{job_id}",
    summary="Read a bulk operation",
    responses={200: answer(Job, "How far it is."), **problems(404)},
)
async def read_job(request: Request, queue: ReadQueue, job_id: str) -> Response:
    """How far it is: how many tasks were done, skipped, missing, and of how many at most."""
    with readable_reply():
        job = await queue.get_job(known_job(job_id))
    return cached_response(request, plain(job))


@router.post(
    "/{job_id}/cancel",
    summary="Cancel a bulk operation",
    responses={200: answer(Job, "It has ended."), **problems(400, 404, 413, 415, 422)},
)
async def cancel_job(request: Request, queue: ControlQueue, job_id: str, by: Caller) -> Response:
    """End it before its time; what it did stays done. One that had ended stays as it is."""
    await read_control(request, NoFields)
    with readable_reply():
        await queue.cancel_job(known_job(job_id), by=by)
        job = await queue.get_job(job_id)
    return json_response(plain(job))

"""From an operator's request to bulk operations: begun, done as far as the time of one request allows, answered."""

from __future__ import annotations

import logging
import time
from typing import Any

from fastapi import Request
from starlette.responses import Response

from api.bodies import BulkCancel, BulkRequeue, DeadFilter, GroupStep, Purge, read_body, read_control
from api.deps import runtime_of
from api.replies import readable_reply
from api.wire import json_response, plain
from shared.errors import InvalidInput, NotFound, StoreError
from shared.jobs import DueJob, JobFilter, JobKind, JobPace
from shared.models import TaskStatus
from shared.queue import TaskQueue

_log = logging.getLogger(__name__)
#: How long the request that begins an operation does its slices, seconds: small ones are done when it answers.
WORK_S = 1.5
_NO_PACE = JobPace()


async def requeue_dead(request: Request, queue: TaskQueue, by: str) -> Response:
    """Requeue dead tasks by a filter.

    Raises:
        InvalidInput: naming the first field that breaks a rule; nothing was changed.
        NotFound: the queue was never used, or no dead task is in the group.
        Conflict: too many operations go on.
    """
    wanted = await read_body(request, BulkRequeue)
    await _check_payload(request, queue, wanted.wanted, wanted.payload)
    return await _begin(queue, JobKind.REQUEUE, wanted.wanted, by, pace=wanted.pace, payload=wanted.payload)


async def requeue_whole_group(
    request: Request, queue: TaskQueue, fingerprint: str, step: GroupStep, by: str
) -> Response:
    """Requeue a group at a pace; raises as `requeue_dead` does."""
    wanted = JobFilter(fingerprint=fingerprint)
    await _check_payload(request, queue, wanted, step.payload)
    return await _begin(queue, JobKind.REQUEUE, wanted, by, pace=step.pace, payload=step.payload)


async def delete_dead(request: Request, queue: TaskQueue, by: str) -> Response:
    """Remove dead tasks by a filter; raises as `requeue_dead` does."""
    wanted = await read_body(request, DeadFilter)
    return await _begin(queue, JobKind.DELETE, wanted.wanted, by)


async def cancel_waiting(request: Request, queue: TaskQueue, by: str) -> Response:
    """Cancel tasks that wait, by a filter; raises as `requeue_dead` does."""
    wanted = await read_body(request, BulkCancel)
    return await _begin(queue, JobKind.CANCEL, wanted.wanted, by)


async def purge_queue(request: Request, queue: TaskQueue, name: str, by: str) -> Response:
    """Remove what waits in a queue; raises as `requeue_dead` does."""
    statuses = {TaskStatus.PENDING}
    if (await read_control(request, Purge)).scheduled:
        statuses |= {TaskStatus.SCHEDULED, TaskStatus.RETRYING}
    return await _begin(queue, JobKind.PURGE, JobFilter(queue=name, statuses=frozenset(statuses)), by)


async def _begin(
    queue: TaskQueue,
    kind: JobKind,
    wanted: JobFilter,
    by: str,
    *,
    pace: JobPace = _NO_PACE,
    payload: dict[str, Any] | None = None,
) -> Response:
    with readable_reply():
        job_id = await queue.begin_job(kind, wanted, by=by, pace=pace, payload=payload)
    ends_at = time.monotonic() + WORK_S
    for part in queue.parts_of(job_id):
        await go_on(queue, DueJob(part, 1), ends_at)
    with readable_reply():
        job = await queue.get_job(job_id)
    return json_response(plain(job), 202, {"Location": f"/api/jobs/{job_id}"})


async def go_on(queue: TaskQueue, due: DueJob, ends_at: float) -> None:
    """Do slices of an operation until `ends_at` (monotonic); what is left is handed out to others."""
    try:
        with readable_reply():
            await queue.work_off(due, may_go_on=lambda: time.monotonic() < ends_at)
    except StoreError as error:
        # It is stored and goes on: by a worker, by the next tick.
        _log.warning("bulk operation %s goes on later: %s", due.id, error.detail)


async def _check_payload(
    request: Request, queue: TaskQueue, wanted: JobFilter, payload: dict[str, Any] | None
) -> None:
    """Check a new payload by the type of those that are to get it, which must be one type."""
    if payload is None:
        return
    task_type = wanted.task_type
    if task_type is None and wanted.fingerprint is not None:
        with readable_reply():
            ids = await queue.group_ids(wanted.fingerprint, limit=1)
            if not ids:
                raise NotFound(
                    "No dead task is in this group. GET /api/dead-letters/groups lists the groups."
                )
            task_type = (await queue.get(ids[0])).task_type
    if task_type is None:
        raise InvalidInput(
            "payload", "is meant for tasks of several types.", "Name task_type or fingerprint, too."
        )
    # A mask stands for a secret of one task; these are several, with secrets of their own.
    (await runtime_of(request).secrets.of(queue, task_type)).restore(payload, None)
    await runtime_of(request).types.check_payload(queue, task_type, payload)

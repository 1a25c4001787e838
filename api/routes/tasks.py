"""`/api/tasks`: submit, read, explain, list, cancel, requeue, run now, change, delete."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from api.bodies import BulkCancel, NoFields, Requeue, TaskChange, read_control
from api.bulk import cancel_waiting
from api.caching import cached_response
from api.deps import (
    Caller,
    ControlQueue,
    ScopedControlQueue,
    ScopedReadQueue,
    ScopedSubmitQueue,
    ScopedTaskReadQueue,
    check_reached,
    known_form,
    reach_of,
    runtime_of,
    task_in_reach,
)
from api.direct import DirectRoute
from api.listing import answer_page
from api.live.waiting import wait_for_end, wanted_wait_s
from api.operations import change_task, requeue_task, reveal_task
from api.queries import TaskListQuery, TaskQuery
from api.replies import readable_reply
from api.schemas import (
    TASK_ID,
    Batch,
    Submitted,
    SubmittedBatch,
    TaskList,
    answer,
    json_body,
    problems,
)
from api.submissions import stored, submit_batch, submit_one
from api.wire import json_response, plain
from shared.explanations import Explanation
from shared.jobs import Job
from shared.models import Task, TaskSubmission

router = APIRouter(prefix="/api/tasks", tags=["tasks"], route_class=DirectRoute)

_ONE = {
    "an e-mail": {
        "task_type": "email",
        "payload": {"to": "ada@example.org", "subject": "Hello", "body": "Hi"},
    },
    "later, urgent, once": {
        "task_type": "email",
        "payload": {"to": "ada@example.org", "subject": "Invoice 17", "body": "…"},
        "priority": 9,
        "delay_seconds": 3600,
        "idempotency_key": "invoice-17",
    },
}
_OTHER_ADDRESS = {"with another payload": {"payload": {"to": "grace@example.org"}}}
_CHANGES = {"urgent": {"priority": 10}, "tomorrow": {"delay_seconds": 86400}, **_OTHER_ADDRESS}
_FILTERS = {
    "of a type in a queue": {"queue": "mail", "task_type": "email"},
    "all that is delayed": {"all": True, "statuses": ["scheduled"]},
}
_PREFER = {
    "name": "Prefer",
    "in": "header",
    "description": "`wait=N`: answer when the task has ended, at most N seconds from now (RFC 7240).",
    "schema": {"type": "string"},
    "example": "wait=20",
}
_SUBMITTED = {"id": TASK_ID, "status": "pending"}


@router.post(
    "",
    status_code=202,
    summary="Submit a task",
    responses={
        202: answer(Submitted, "Stored.", _SUBMITTED),
        **problems(400, 409, 413, 415, 422, 429, 507),
    },
    openapi_extra=json_body(TaskSubmission, _ONE),
)
async def submit_task(request: Request, queue: ScopedSubmitQueue) -> Response:
    """Store one task; answered only when Redis has it. May be repeated safely with an Idempotency-Key."""
    task = await submit_one(request, queue)
    return json_response(stored(task), 202, {"Location": f"/api/tasks/{task.id}"})


@router.post(
    "/batch",
    status_code=202,
    summary="Submit up to 1,000 tasks, all or nothing",
    responses={
        202: answer(SubmittedBatch, "All stored, in order.", {"tasks": [_SUBMITTED]}),
        **problems(400, 409, 413, 415, 422, 429, 507),
    },
    openapi_extra=json_body(Batch, {"two e-mails": {"tasks": list(_ONE.values())}}),
)
async def submit_tasks(request: Request, queue: ScopedSubmitQueue) -> Response:
    """Store several tasks in one step; a fault names its task, as in `tasks[3].priority`."""
    tasks = await submit_batch(request, queue)
    return json_response({"tasks": [stored(task) for task in tasks]}, 202)


@router.get(
    "",
    summary="List tasks",
    responses={200: answer(TaskList, "A page; the Link header leads to the next."), **problems(400, 422)},
)
async def list_tasks(
    request: Request, queue: ScopedReadQueue, query: Annotated[TaskListQuery, Query()]
) -> Response:
    """Running tasks first, then pending in order of service, due ones, and ended ones newest first.

    A page may be short and still have a successor. Bodies over 16 KiB are left out and named in
    `omitted`.
    """
    return await answer_page(request, queue, query)


@router.get(
    "/{task_id}",
    summary="Read a task",
    responses={200: answer(Task, "The task as it is stored now."), **problems(404, 422)},
    openapi_extra={"parameters": [_PREFER]},
)
async def read_task(
    request: Request,
    queue: ScopedTaskReadQueue,
    task_id: str,
    query: Annotated[TaskQuery, Query()],
    by: Caller,
) -> Response:
    """Status, payload, result or error, and all attempts; one Redis call.

    What the task type calls secret is masked. `reveal=true` shows it to a key of role `admin`; that is
    kept in the audit log.

    With `Prefer: wait=N` it answers when the task has ended, or after N seconds with what it is then.
    `Preference-Applied` says how long the API waits at most.
    """
    headers = {"Vary": "Authorization, Cookie, Prefer"}
    wait_s = wanted_wait_s(request)
    if wait_s is not None:
        headers["Preference-Applied"] = f"wait={wait_s:g}"
        await wait_for_end(request, queue, await task_in_reach(request, queue, task_id), wait_s)
    known_form(task_id)
    if query.reveal:
        return json_response(await reveal_task(request, queue, task_id, by), headers=headers)
    with readable_reply():
        task = check_reached(reach_of(request), await queue.get(task_id))
    [shown] = await runtime_of(request).secrets.show(queue, [task])
    return cached_response(request, shown, headers=headers)


@router.get(
    "/{task_id}/explain",
    summary="Explain why a task is where it is",
    responses={200: answer(Explanation, "A code, one sentence, and the numbers behind it."), **problems(404)},
)
async def explain_task(request: Request, queue: ScopedTaskReadQueue, task_id: str) -> Response:
    """Why a task does not run, in one sentence with numbers; at most 9 Redis calls.

    A queue that is paused, no live worker that knows the type, a limit of the queue or of the task's key,
    tasks ahead and how long they take, an attempt that is due later, a lease and its last heartbeat.
    """
    with readable_reply():
        explanation = await queue.explain(known_form(task_id), reaches=reach_of(request).has)
    return json_response(plain(explanation))


@router.post(
    "/cancel",
    status_code=202,
    summary="Cancel tasks by a filter",
    responses={
        202: answer(Job, "Begun, perhaps done; Location tells how far it is."),
        **problems(400, 404, 409, 413, 415, 422, 507),
    },
    openapi_extra=json_body(BulkCancel, _FILTERS),
)
async def cancel_by_filter(request: Request, queue: ControlQueue, by: Caller) -> Response:
    """Cancel tasks that wait, as a bulk operation; what runs goes on, what is submitted from now on stays."""
    return await cancel_waiting(request, queue, by)


@router.post(
    "/{task_id}/cancel",
    summary="Cancel a task",
    responses={
        200: answer(Submitted, "`cancelled`; or `running`, when its worker was asked to stop it."),
        **problems(404, 409),
    },
)
async def cancel_task(request: Request, queue: ScopedControlQueue, task_id: str, by: Caller) -> Response:
    """A task that does not run is cancelled at once; a running one when its worker has stopped it."""
    await task_in_reach(request, queue, task_id)
    with readable_reply():
        status = await queue.cancel(task_id, by=by)
    return json_response({"id": task_id, "status": status})


@router.post(
    "/{task_id}/requeue",
    summary="Requeue a dead task",
    responses={200: answer(Submitted, "`pending` again."), **problems(400, 404, 409, 413, 415, 422)},
    openapi_extra=json_body(Requeue, _OTHER_ADDRESS, required=False),
)
async def requeue(request: Request, queue: ScopedControlQueue, task_id: str, by: Caller) -> Response:
    """Give a dead task a new series of attempts, as it is or with another payload. May be repeated."""
    status = await requeue_task(request, queue, known_form(task_id), by)
    return json_response({"id": task_id, "status": status})


@router.post(
    "/{task_id}/run-now",
    summary="Run a waiting task now",
    responses={200: answer(Submitted, "`pending`."), **problems(400, 404, 409, 413, 415, 422)},
)
async def run_now(request: Request, queue: ScopedControlQueue, task_id: str, by: Caller) -> Response:
    """Make a scheduled or retrying task pending, to be claimed as soon as a worker is free."""
    await read_control(request, NoFields)
    await task_in_reach(request, queue, task_id)
    with readable_reply():
        status = await queue.edit(task_id, by=by, run_now=True)
    return json_response({"id": task_id, "status": status})


@router.patch(
    "/{task_id}",
    summary="Change a waiting task",
    responses={200: answer(Submitted, "Changed."), **problems(400, 404, 409, 413, 415, 422)},
    openapi_extra=json_body(TaskChange, _CHANGES),
)
async def change(request: Request, queue: ScopedControlQueue, task_id: str, by: Caller) -> Response:
    """Change payload, priority or start of a task that is scheduled, pending or retrying.

    What is left out stays; a null is refused. A task that runs or has ended is not changed.
    """
    status = await change_task(request, queue, known_form(task_id), by)
    return json_response({"id": task_id, "status": status})


@router.delete(
    "/{task_id}",
    status_code=204,
    summary="Delete a task",
    responses={204: {"description": "Removed with all that was stored of it."}, **problems(404, 409)},
)
async def delete_task(request: Request, queue: ScopedControlQueue, task_id: str, by: Caller) -> Response:
    """Remove a task that does not run; a running one is to be cancelled first."""
    await task_in_reach(request, queue, task_id)
    with readable_reply():
        await queue.delete_one(task_id, by=by)
    return Response(status_code=204, headers={"Cache-Control": "no-store"})

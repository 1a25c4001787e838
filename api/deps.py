"""What routes ask for: a queue, given only to a caller whose role reaches."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, cast

from fastapi import Depends, Request

from api.context import context_of
from api.errors import Forbidden
from api.runtime import Runtime
from api.security.keys import PERMISSIONS, Permission
from shared.errors import NotFound
from shared.ids import is_task_id
from shared.models import NAME
from shared.queue import TaskQueue


def runtime_of(request: Request) -> Runtime:
    """The runtime of the application that serves the request."""
    return cast("Runtime", request.app.state.runtime)


def _queue_for(permission: Permission) -> Callable[[Request], Awaitable[TaskQueue]]:
    roles = [role for role, permissions in PERMISSIONS.items() if permission in permissions]

    async def give_queue(request: Request) -> TaskQueue:
        context = context_of(request.scope)
        if context.role not in roles:
            raise Forbidden(
                f"Authorization: the key's role {context.role} may not do this. "
                f"Use a key of role {' or '.join(roles)}."
            )
        runtime = runtime_of(request)
        context.queue = runtime.new_queue("submit" if permission is Permission.SUBMIT else "viewers")
        await runtime.budget.keep(context.queue)
        return context.queue

    return give_queue


SubmitQueue = Annotated[TaskQueue, Depends(_queue_for(Permission.SUBMIT))]
TaskReadQueue = Annotated[TaskQueue, Depends(_queue_for(Permission.READ_TASK))]
ReadQueue = Annotated[TaskQueue, Depends(_queue_for(Permission.READ))]
ControlQueue = Annotated[TaskQueue, Depends(_queue_for(Permission.CONTROL))]


async def _caller_of(request: Request) -> str:
    return context_of(request.scope).caller


#: Who acts: the name of the key, for the audit log.
Caller = Annotated[str, Depends(_caller_of)]


def known_form(task_id: str) -> str:
    """The id itself.

    Raises:
        NotFound: no task can have it.
    """
    if not is_task_id(task_id):
        raise NotFound("No task has such an id; ids are 27 characters of digits and lower-case letters.")
    return task_id


def known_schedule(schedule_id: str) -> str:
    """The id itself.

    Raises:
        NotFound: no schedule can have it.
    """
    if not NAME.fullmatch(schedule_id):
        raise NotFound("No schedule has such an id. GET /api/schedules lists them.")
    return schedule_id


def known_job(job_id: str) -> str:
    """The id itself.

    Raises:
        NotFound: no bulk operation can have it.
    """
    if not is_task_id(job_id):
        raise NotFound("No bulk operation has such an id. GET /api/jobs lists them.")
    return job_id


def known_worker(name: str) -> str:
    """The name itself.

    Raises:
        NotFound: no worker can have it.
    """
    if not NAME.fullmatch(name):
        raise NotFound("No worker has such a name. GET /api/workers lists them.")
    return name

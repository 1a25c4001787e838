"""What routes ask for: a queue, given only to a caller whose role reaches."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, cast

from fastapi import Depends, Request

from api.context import context_of
from api.errors import Forbidden
from api.replies import readable_reply
from api.runtime import Runtime
from api.security.keys import PERMISSIONS, Permission
from api.security.reach import Reach
from shared.errors import NotFound
from shared.ids import is_task_id
from shared.models import NAME, Task
from shared.queue import TaskQueue
from shared.queue.inspection import not_kept


def runtime_of(request: Request) -> Runtime:
    """The runtime of the application that serves the request."""
    return cast("Runtime", request.app.state.runtime)


def _queue_for(permission: Permission, *, scoped: bool = False) -> Callable[[Request], Awaitable[TaskQueue]]:
    roles = [role for role, permissions in PERMISSIONS.items() if permission in permissions]

    async def give_queue(request: Request) -> TaskQueue:
        context, runtime = context_of(request.scope), runtime_of(request)
        if context.role not in roles:
            raise Forbidden(
                f"Authorization: the key's role {context.role} may not do this. "
                f"Use a key of role {' or '.join(roles)}."
            )
        if not scoped:
            context.reach.check_all()
        context.queue = runtime.new_queue("submit" if permission is Permission.SUBMIT else "viewers")
        await runtime.budget.keep(context.queue)
        if permission is not Permission.SUBMIT:
            await runtime.uses.write(context.queue)
        return context.queue

    return give_queue


#: For routes about all queues: a key that is bound to some is refused.
SubmitQueue = Annotated[TaskQueue, Depends(_queue_for(Permission.SUBMIT))]
TaskReadQueue = Annotated[TaskQueue, Depends(_queue_for(Permission.READ_TASK))]
ReadQueue = Annotated[TaskQueue, Depends(_queue_for(Permission.READ))]
ControlQueue = Annotated[TaskQueue, Depends(_queue_for(Permission.CONTROL))]
#: For routes that look at the caller's `Reach` themselves.
ScopedSubmitQueue = Annotated[TaskQueue, Depends(_queue_for(Permission.SUBMIT, scoped=True))]
ScopedTaskReadQueue = Annotated[TaskQueue, Depends(_queue_for(Permission.READ_TASK, scoped=True))]
ScopedReadQueue = Annotated[TaskQueue, Depends(_queue_for(Permission.READ, scoped=True))]
ScopedControlQueue = Annotated[TaskQueue, Depends(_queue_for(Permission.CONTROL, scoped=True))]


def reach_of(request: Request) -> Reach:
    """Which queues the caller reaches."""
    return context_of(request.scope).reach


async def _caller_of(request: Request) -> str:
    return context_of(request.scope).by


#: Who acts: the name of the key, and the request's id for the audit log.
Caller = Annotated[str, Depends(_caller_of)]


def known_form(task_id: str) -> str:
    """The id itself.

    Raises:
        NotFound: no task can have it.
    """
    if not is_task_id(task_id):
        raise NotFound("No task has such an id; ids are 27 characters of digits and lower-case letters.")
    return task_id


async def task_in_reach(request: Request, queue: TaskQueue, task_id: str) -> str:
    """The id itself; a key that is bound to queues pays a read for it.

    Raises:
        NotFound: no task can have it, or its queue is none that the caller reaches.
    """
    known_form(task_id)
    reach = reach_of(request)
    if reach.queues is not None:
        with readable_reply():
            check_reached(reach, await queue.get(task_id))
    return task_id


def check_reached(reach: Reach, task: Task) -> Task:
    """The task itself.

    Raises:
        NotFound: its queue is none that the caller reaches; as if it were not kept.
    """
    if not reach.has(task.queue):
        raise not_kept(task.id)
    return task


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

"""From an operator's request to what the engine does, where that takes more than one call."""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime
from typing import Any

from fastapi import Request

from api.bodies import GroupStep, Requeue, read_change, read_control
from api.bulk import go_on
from api.context import context_of
from api.deps import check_reached, reach_of, runtime_of
from api.errors import Forbidden
from api.replies import readable_reply
from api.security.keys import Role
from api.wire import plain_unmasked
from shared.errors import DtqError, NotFound, StoreError
from shared.jobs import read_due_jobs
from shared.models import TaskStatus
from shared.queue import TaskQueue
from shared.queue.scheduling import DueSchedule, read_due

_log = logging.getLogger(__name__)
#: How long one request does what is due, seconds; the last call may still begin then.
TICK_S = 3.5
#: A tick audits when the last audit ended so long ago, seconds.
AUDIT_EVERY_S = 86_400.0


async def requeue_task(request: Request, queue: TaskQueue, task_id: str, by: str) -> TaskStatus:
    """Requeue a dead task as the request's body asks.

    Raises:
        InvalidInput: naming the first field that breaks a rule; nothing was changed.
        NotFound: no task of that id is kept.
        Conflict: it is not dead.
    """
    wanted = await read_control(request, Requeue)
    payload = await _judged_payload(request, queue, task_id, wanted.payload)
    with readable_reply():
        return await queue.requeue_one(task_id, by=by, payload=payload)


async def change_task(request: Request, queue: TaskQueue, task_id: str, by: str) -> TaskStatus:
    """Change a task that waits; raises as `requeue_task` does, Conflict when it does not wait."""
    wanted = await read_change(request)
    payload = await _judged_payload(request, queue, task_id, wanted.payload)
    run_at_ms = None
    if wanted.run_at is not None:
        run_at_ms = max(0.0, wanted.run_at.timestamp() * 1000)
    elif wanted.delay_seconds is not None:
        run_at_ms = (time.time() + wanted.delay_seconds) * 1000
    with readable_reply():
        return await queue.edit(
            task_id, by=by, payload=payload, priority=wanted.priority, run_at_ms=run_at_ms
        )


async def _judged_payload(
    request: Request, queue: TaskQueue, task_id: str, payload: dict[str, Any] | None
) -> dict[str, Any] | None:
    """A new payload, checked by the type of the task that is to get it.

    Secrets that were shown masked and came back so are those that are stored.
    """
    reach = reach_of(request)
    if payload is None and reach.queues is None:
        return None
    with readable_reply():
        task = check_reached(reach, await queue.get(task_id))
    if payload is None:
        return None
    runtime = runtime_of(request)
    places = await runtime.secrets.of(queue, task.task_type)
    restored: dict[str, Any] = places.restore(payload, task.payload)
    await runtime.types.check_payload(queue, task.task_type, restored)
    return restored


async def reveal_task(request: Request, queue: TaskQueue, task_id: str, by: str) -> dict[str, Any]:
    """A task with its secrets, after an entry in the audit log.

    Raises:
        Forbidden: the caller is no admin.
        NotFound: no task of that id is kept.
    """
    if context_of(request.scope).role is not Role.ADMIN:
        raise Forbidden("reveal: only a key of role admin may see secrets. Leave it out, or use such a key.")
    with readable_reply():
        task = check_reached(reach_of(request), await queue.get(task_id))
        await queue.note_action("reveal", task_id, by=by)
    return plain_unmasked(task)


async def requeue_group(queue: TaskQueue, fingerprint: str, step: GroupStep, by: str) -> dict[str, Any]:
    """Requeue the next tasks of a group, in two calls whatever its size.

    Raises:
        InvalidInput: the fingerprint is none; nothing was changed.
        NotFound: no dead task is in the group.
    """
    after = step.cursor or ""
    with readable_reply():
        # One more than is wanted tells whether a step follows.
        ids = await queue.group_ids(fingerprint, after=after, limit=step.limit + 1)
        if not ids and not after:
            raise NotFound("No dead task is in this group. GET /api/dead-letters/groups lists the groups.")
        chosen = ids[: step.limit]
        done, skipped, missing = await queue.requeue(chosen, by=by) if chosen else ([], [], [])
    return {
        "requeued": len(done),
        "skipped": len(skipped),
        "missing": len(missing),
        "next_cursor": chosen[-1] if len(ids) > len(chosen) else None,
    }


async def tick_in_time(queue: TaskQueue) -> bool:
    """Do what is due, for at most `TICK_S` and what one call takes; True when more is due."""
    ends_at = time.monotonic() + TICK_S
    is_more = True
    while is_more and time.monotonic() < ends_at:
        with readable_reply():
            is_more, handed_out = await queue.tick_and_tell()
            schedules, jobs = read_due(handed_out), read_due_jobs(handed_out)
        for due in schedules:
            if time.monotonic() >= ends_at:
                return True  # what was not fired is handed out again, 10 s later
            await _fire(queue, due)
        for job in jobs:
            await go_on(queue, job, ends_at)
    if not is_more and time.monotonic() < ends_at:
        await _audit_when_due(queue, ends_at)
    return is_more


async def audit_in_time(queue: TaskQueue) -> dict[str, Any]:
    """Audit for at most `TICK_S` and what one slice takes."""
    ends_at = time.monotonic() + TICK_S
    with readable_reply():
        report = await queue.audit(may_go_on=lambda: time.monotonic() < ends_at)
    return {
        "more": report.answer != "done",
        "repaired": report.repaired,
        "unsettled": report.unsettled,
    }


async def _audit_when_due(queue: TaskQueue, ends_at: float) -> None:
    """Once a day a tick has time for the audit; one that is not through goes on with the next tick."""
    with readable_reply():
        report = await queue.audit(may_go_on=lambda: time.monotonic() < ends_at, every_s=AUDIT_EVERY_S)
    if report.repaired:
        _log.warning("the audit repaired what disagreed: %s", report.repaired)


async def _fire(queue: TaskQueue, due: DueSchedule) -> None:
    """Fire one due time; what is wrong with one schedule keeps none of the others."""
    try:
        with readable_reply():
            await queue.fire(due, datetime.now(UTC))
    except StoreError:
        raise
    except DtqError as error:
        _log.warning("schedule %s could not be fired: %s", due.id, error.detail)

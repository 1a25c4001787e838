"""From a request's body to stored tasks: read strictly, judge by the task type, submit in one call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import Request

from api.body import read_json
from api.context import context_of, header_values
from api.deps import reach_of, runtime_of
from api.replies import readable_reply
from api.validation import read_submission
from shared.errors import InvalidInput
from shared.models import MAX_BATCH, SubmittedTask, TaskSubmission
from shared.queue import Allowance, Defaults, TaskQueue
from shared.tracing import is_traceparent

_HEADER = "Idempotency-Key"


async def submit_one(request: Request, queue: TaskQueue) -> SubmittedTask:
    """Store the task that a request asks for.

    Raises:
        InvalidInput: naming the first field that breaks a rule; nothing was stored.
        Forbidden: its queue is none that the caller reaches.
        RateExceeded: the caller submits faster than it may; nothing was stored.
        Conflict: the idempotency key was used with another body; nothing was stored.
        BudgetSpent: the month's Redis calls are spent, and its priority is low.
        StoreError: Redis does not answer; a repeat with the same idempotency key is safe.
    """
    runtime = runtime_of(request)
    body = await read_json(request, runtime.settings.max_body_bytes)
    task = read_submission(_with_key_of_header(body, _header_key(request)))
    runtime.budget.check([task.priority])
    defaults = await runtime.types.judge(queue, [task], "")
    _check_queues(request, [task], defaults, "")
    submitted = (await _store(request, queue, [task], defaults, [body]))[0]
    context_of(request.scope).task_id = submitted.id
    return submitted


async def submit_batch(request: Request, queue: TaskQueue) -> list[SubmittedTask]:
    """Store all tasks that a request asks for, or none of them; raises as `submit_one` does."""
    if _header_key(request) is not None:
        raise InvalidInput(
            _HEADER, "cannot stand for several tasks.", "Give each task its own idempotency_key."
        )
    runtime = runtime_of(request)
    bodies = _tasks_of(await read_json(request, runtime.settings.max_body_bytes))
    tasks = [read_submission(body, f"tasks[{index}].") for index, body in enumerate(bodies)]
    runtime.budget.check(task.priority for task in tasks)
    defaults = await runtime.types.judge(queue, tasks, "tasks[{}].")
    _check_queues(request, tasks, defaults, "tasks[{}].")
    try:
        return await _store(request, queue, tasks, defaults, bodies)
    except InvalidInput as error:
        if error.field.startswith("tasks"):
            raise
        # The engine names a single task's field without its place.
        raise type(error)(f"tasks[0].{error.field}", error.rule, error.fix) from None


def stored(task: SubmittedTask) -> dict[str, Any]:
    """What a submission is answered with."""
    answer: dict[str, Any] = {"id": task.id, "status": task.status}
    return answer | {"deduplicated": task.deduplicated} if task.deduplicated else answer


def _check_queues(
    request: Request, tasks: Sequence[TaskSubmission], defaults: Sequence[Defaults], where: str
) -> None:
    """Refuse a task of a queue that the caller does not reach."""
    reach = reach_of(request)
    if reach.queues is not None:
        for index, (task, default) in enumerate(zip(tasks, defaults, strict=True)):
            reach.check(task.queue or default.queue, f"{where.format(index)}queue")


async def _store(
    request: Request,
    queue: TaskQueue,
    tasks: Sequence[TaskSubmission],
    defaults: Sequence[Defaults],
    bodies: Sequence[Any],
) -> list[SubmittedTask]:
    context = context_of(request.scope)
    if context.rate is not None:
        context.allowance = Allowance(context.caller, context.rate)
    with readable_reply():
        return await queue.submit(
            tasks,
            defaults=defaults,
            bodies=bodies,
            traceparent=_trace(request),
            allowance=context.allowance,
        )


def _tasks_of(body: Any) -> list[Any]:
    fix = 'Send an object such as {"tasks": [{"task_type": "email", "payload": {}}]}.'
    if type(body) is not dict:
        raise InvalidInput("body", "must be a JSON object.", fix)
    strangers = sorted(body.keys() - {"tasks"})
    if strangers:
        raise InvalidInput(strangers[0][:80], "is no field of a batch.", fix)
    tasks = body.get("tasks")
    if type(tasks) is not list:
        raise InvalidInput("tasks", "must be an array." if "tasks" in body else "is missing.", fix)
    if not 1 <= len(tasks) <= MAX_BATCH:
        raise InvalidInput("tasks", f"holds {len(tasks)} tasks.", f"Send 1 to {MAX_BATCH}.")
    return tasks


def _trace(request: Request) -> str | None:
    """The trace of the request; one that breaks the rules is ignored, as the W3C demands."""
    values = header_values(request.scope, b"traceparent")
    return values[0] if len(values) == 1 and is_traceparent(values[0]) else None


def _header_key(request: Request) -> str | None:
    """The key of the header; ASCII, so that it means the same as in a body."""
    values = header_values(request.scope, b"idempotency-key")
    if not values:
        return None
    key = values[0].strip()
    if len(values) > 1 or not key.isascii() or not key.isprintable() or not 1 <= len(key) <= 255:
        raise InvalidInput(
            _HEADER, "must be one key of 1 to 255 printable ASCII characters.", "Send a UUID, for example."
        )
    return key


def _with_key_of_header(body: Any, key: str | None) -> Any:
    """The body with the header's key in it; the body as received stays as it is."""
    if key is None or type(body) is not dict:
        return body
    own = body.get("idempotency_key")
    if own is not None and own != key:
        raise InvalidInput(
            "idempotency_key", f"differs from the header {_HEADER}.", "Send one of them, or both the same."
        )
    return {**body, "idempotency_key": key}

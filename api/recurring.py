"""From an operator's request to recurring schedules: read strictly, judge the task, store, answer."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from fastapi import Request

from api.bodies import SchedulePreview
from api.body import read_json
from api.deps import runtime_of
from api.replies import readable_reply
from api.validation import read_schedule_spec
from api.wire import utc
from shared.errors import InvalidInput
from shared.models import NAME, Schedule, ScheduleSpec, TaskSubmission
from shared.queue import Defaults, TaskQueue
from shared.schedules import Timing


async def store_schedule(
    request: Request, queue: TaskQueue, schedule_id: str, by: str
) -> tuple[bool, Schedule]:
    """Create or change a schedule as the request's body asks: whether it is new, and what is stored.

    Raises:
        InvalidInput: naming the first field that breaks a rule; nothing was changed.
        Conflict: it is new, and too many are stored.
    """
    runtime = runtime_of(request)
    if not NAME.fullmatch(schedule_id):
        raise InvalidInput(
            "id",
            "must be 1 to 64 letters, digits, '.', '_' or '-', beginning with a letter or digit.",
            "Choose another one.",
        )
    spec = read_schedule_spec(await read_json(request, runtime.settings.max_body_bytes))
    _timing(spec)
    [defaults] = await runtime.types.judge(queue, [spec.task], "task.")
    spec = spec.model_copy(update={"task": _with_defaults(spec.task, defaults)})
    try:
        with readable_reply():
            is_new = await queue.save_schedule(schedule_id, spec, by=by, now=datetime.now(UTC))
    except InvalidInput as error:
        if error.field not in TaskSubmission.model_fields:
            raise
        # The engine names the task's field without its place.
        raise type(error)(f"task.{error.field}", error.rule, error.fix) from None
    with readable_reply():
        return is_new, await queue.schedule(schedule_id)


def next_times(wanted: SchedulePreview) -> list[str]:
    """When it would fire; raises InvalidInput when that is never."""
    return [utc(time) for time in _timing(wanted).preview(datetime.now(UTC), wanted.count)]


async def pause_known(queue: TaskQueue, schedule_id: str, by: str, reason: str) -> Schedule:
    """Pause a schedule; raises NotFound."""
    with readable_reply():
        await queue.pause_schedule(schedule_id, by=by, reason=reason)
        return await queue.schedule(schedule_id)


async def resume_known(queue: TaskQueue, schedule_id: str, by: str) -> Schedule:
    """Let a schedule go on; raises NotFound."""
    with readable_reply():
        await queue.resume_schedule(schedule_id, by=by, now=datetime.now(UTC))
        return await queue.schedule(schedule_id)


async def delete_known(queue: TaskQueue, schedule_id: str, by: str) -> None:
    """Remove a schedule; raises NotFound."""
    with readable_reply():
        # A server that answers nonsense is told by this read; the reply to the removal says nothing.
        await queue.schedule(schedule_id)
        await queue.delete_schedule(schedule_id, by=by)


async def run_known(queue: TaskQueue, schedule_id: str, by: str) -> str:
    """Submit a schedule's task once more; raises NotFound."""
    with readable_reply():
        return await queue.run_schedule(schedule_id, by=by)


def _timing(rule: ScheduleSpec | SchedulePreview) -> Timing:
    return Timing(cron=rule.cron, interval_seconds=rule.interval_seconds, zone=rule.zone)


def _with_defaults(task: TaskSubmission, defaults: Defaults) -> TaskSubmission:
    """The task with what its type says where it says nothing: when it fires, nobody asks the type."""
    ours = Defaults()
    missing: dict[str, Any] = {}
    if task.queue is None and defaults.queue != ours.queue:
        missing["queue"] = defaults.queue
    if task.max_retries is None and defaults.max_retries != ours.max_retries:
        missing["max_retries"] = defaults.max_retries
    return task.model_copy(update=missing)

"""From pydantic's words to ours: the field, the rule, the fix, and nothing of what was sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from shared.errors import InvalidInput
from shared.models import RESERVED_TYPES, ScheduleSpec, TaskSubmission

_KNOWN = frozenset(TaskSubmission.model_fields)
_M = TypeVar("_M", bound=BaseModel)
_MAX_NAME = 80
#: In the words of JSON, where pydantic speaks Python.
_RULES = {
    "missing": "is missing",
    "extra_forbidden": "is not known here",
    "dict_type": "must be a JSON object",
    "model_type": "must be a JSON object",
    "model_attributes_type": "must be a JSON object",
    "list_type": "must be a JSON array",
    "string_type": "must be a text",
    "int_type": "must be an integer",
    "int_from_float": "must be an integer",
    "float_type": "must be a number",
    "finite_number": "must be a finite number",
    "bool_type": "must be true or false",
}
_FIXES = {
    "task_type": 'Send the registered name of a handler, such as "email".',
    "payload": 'Send a JSON object, such as {"to": "ada@example.org"}.',
    "priority": "Send an integer from 1 to 10; 10 is claimed first.",
    "queue": 'Send a name such as "default", or leave it out.',
    "delay_seconds": "Send a number of seconds such as 30, or run_at instead.",
    "run_at": 'Send a time with a zone, such as "2026-12-01T08:00:00Z", or delay_seconds instead.',
    "max_retries": "Send an integer from 0 to 100.",
    "timeout_seconds": "Send a number of seconds above 0, at most 86400.",
    "debounce": 'Send an object such as {"seconds": 5, "max_wait_seconds": 60}, with a unique_key.',
    "throttle_seconds": "Send a number of seconds above 0, at most 604800, with a unique_key.",
    "limit_key": "Send a text of 1 to 200 characters, such as the customer's id.",
    "fair_key": "Send a text of 1 to 200 characters, such as the customer's id.",
    "concurrency": "Send an integer of at least 1, or leave it out for no bound.",
    "rate": 'Send an object such as {"limit": 10, "period_seconds": 1}, or leave it out for no bound.',
    "per_key": 'Send an object such as {"concurrency": 2}, or leave it out for no bound.',
    "idempotency_key": "Send a text of 1 to 255 characters.",
    "retry": 'Send an object such as {"initial_seconds": 1, "factor": 2, "max_seconds": 3600, "jitter": "full"}.',
    "retention_seconds": "Send a number of seconds from 1 to 31622400.",
    "callback_url": 'Send a URL such as "https://my-app.example/hooks", or leave it out.',
    "metadata": 'Send a JSON object, such as {"order": 17}.',
    "limit": "Send a positive integer within that bound, or leave it out.",
    "status": "Send one of scheduled, pending, running, retrying, completed, dead, cancelled.",
    "reason": "Send a short text, or leave it out.",
    "cron": 'Send five fields such as "0 9 * * 1-5", or interval_seconds instead.',
    "interval_seconds": "Send a number of seconds from 1 to 31622400, or cron instead.",
    "zone": 'Send an IANA name such as "Europe/Berlin", or leave it out.',
    "task": 'Send a task such as {"task_type": "email", "payload": {}}.',
    "catch_up": "Send skip or once, or leave it out.",
    "overlap": "Send allow or skip, or leave it out.",
    "count": "Send an integer from 1 to 20, or leave it out.",
    "drain": "Send true or false, or leave it out.",
    "all": "Send true, or name the tasks by queue, task_type or fingerprint.",
    "fingerprint": "Send one of GET /api/dead-letters/groups.",
    "first": "Send an integer from 0 to 10, or leave it out.",
    "per_second": "Send a number from 0.01 to 1000, or leave it out.",
    "statuses": "Send some of pending, scheduled, retrying, or leave it out.",
    "scheduled": "Send true or false, or leave it out.",
    "cursor": "Send next_cursor of the page before, unchanged.",
}


def read_submission(body: Any, where: str = "") -> TaskSubmission:
    """A submission from parsed JSON; `where` is put before the field's name, as in `tasks[3].`.

    Raises:
        InvalidInput: naming the first field that breaks a rule.
    """
    if type(body) is not dict:
        raise InvalidInput(
            where.rstrip(".") or "body", "must be a JSON object.", "Send one task as an object."
        )
    strangers = body.keys() - _KNOWN
    if strangers:
        raise _unknown_field(sorted(strangers)[0], where)
    task = _validated(body, TaskSubmission, where)
    if task.task_type in RESERVED_TYPES:
        raise InvalidInput(
            f"{where}task_type",
            f"{task.task_type} is what the queue itself submits.",
            "Send callback_url with a task, and its ending is told by a webhook.",
        )
    return task


def read_schedule_spec(body: Any) -> ScheduleSpec:
    """A schedule from parsed JSON; its task is read as a submission is.

    Raises:
        InvalidInput: naming the first field that breaks a rule.
    """
    _check_names(body, ScheduleSpec)
    if "task" in body:
        read_submission(body["task"], "task.")
    return _validated(body, ScheduleSpec, "")


def read_fields(body: Any, model: type[_M]) -> _M:
    """A control route's body from parsed JSON.

    Raises:
        InvalidInput: naming the first field that breaks a rule.
    """
    _check_names(body, model)
    for name, value in body.items():
        if value is None:
            raise InvalidInput(name, "must not be null.", "Leave it out to keep what is there.")
    return _validated(body, model, "")


def _check_names(body: Any, model: type[BaseModel]) -> None:
    known = ", ".join(model.model_fields)
    if type(body) is not dict:
        raise InvalidInput(
            "body",
            "must be a JSON object.",
            f"Send an object; fields are {known}." if known else "Send none.",
        )
    strangers = sorted(body.keys() - model.model_fields.keys())
    if strangers:
        fix = f"Leave it out; fields are {known}." if known else "Send no body."
        raise InvalidInput(strangers[0][:_MAX_NAME], "is not known here.", fix)


def _validated(body: dict[str, Any], model: type[_M], where: str) -> _M:
    try:
        return model.model_validate(body)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        raise fault_of(first, first["loc"], where) from None


def _unknown_field(name: str, where: str) -> InvalidInput:
    return InvalidInput(
        f"{where}{name[:_MAX_NAME]}",
        "is no field of a task.",
        f"Leave it out; fields are {', '.join(TaskSubmission.model_fields)}.",
    )


def fault_of(error: Mapping[str, Any], location: Sequence[str | int], where: str = "") -> InvalidInput:
    """One of pydantic's errors as ours."""
    names = [part for part in location if part != "[key]"]
    field = path_of(names) or _field_of_whole(error["msg"])
    message = error["msg"].removeprefix("Value error, ")
    message = message.replace("Input should", "must").replace("String should", "must")
    message = _RULES.get(error["type"], message)
    fix = _FIXES.get(str(names[0]) if names else field, "Correct it, or leave it out.")
    return InvalidInput(f"{where}{field}", f"{message}.", fix)


def _field_of_whole(message: str) -> str:
    """A rule about several fields names them; the field is the first one named."""
    return next((word for word in message.split() if word.removeprefix("task.") in _KNOWN), "body")


def path_of(parts: Sequence[str | int]) -> str:
    """`a.b[3].c` from its parts."""
    path = ""
    for part in parts:
        path += f"[{part}]" if isinstance(part, int) else f".{part[:_MAX_NAME]}"
    return path.removeprefix(".")

"""Query parameters."""

from __future__ import annotations

import math
import re
from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter

from api.live.shaping import EventFilter
from shared.events import is_cursor
from shared.ids import TASK_ID, is_task_id
from shared.models import NAME, Instant, TaskStatus
from shared.queue.cursors import MAX_TEXT, TaskFilter


def _check_filter(value: str) -> str:
    if value and not NAME.fullmatch(value):
        raise ValueError("must be 1 to 64 letters, digits, '.', '_' or '-', beginning with a letter or digit")
    return value


_Filter = Annotated[
    str, AfterValidator(_check_filter), Field(json_schema_extra={"pattern": f"^({NAME.pattern})?$"})
]


def _read_flag(value: object) -> object:
    """As in JSON: what else might mean yes is refused."""
    flags = {"true": True, "false": False}
    return flags.get(value, value) if isinstance(value, str) else value


_Cursor = Annotated[
    str,
    Field(
        max_length=MAX_TEXT,
        description="`next_cursor` of the page before.",
        json_schema_extra={"format": "cursor"},
    ),
]


class TaskQuery(BaseModel):
    """How one task is shown."""

    model_config = ConfigDict(extra="forbid", strict=True)

    reveal: Annotated[bool, BeforeValidator(_read_flag)] = Field(
        default=False, description="Show secrets; role `admin`, and kept in the audit log."
    )


class AuditQuery(BaseModel):
    """Which entries of the audit log a page shows."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(default=50, ge=1, le=1_000, description="Most entries on the page.")
    cursor: _Cursor = ""


def _check_task(value: str) -> str:
    if value and not is_task_id(value):
        raise ValueError("must be a task's id: 27 digits and lower-case letters")
    return value


def _check_event_cursor(value: str) -> str:
    if value and not is_cursor(value):
        raise ValueError("must be the cursor of an answer, unchanged, such as 1764547200000-0")
    return value


#: A plus sign of a zone that was sent as it is arrives as a blank.
_BLANK_FOR_PLUS = re.compile(r" (?=\d\d:?\d\d$)")


def _check_created(value: str) -> str:
    if not value:
        return ""
    value = _BLANK_FOR_PLUS.sub("+", value)
    return TypeAdapter(Instant).validate_python(value).isoformat()


def _ms_of(text: str) -> int | None:
    """Records say ms, so what is finer is rounded up."""
    return max(0, math.ceil(datetime.fromisoformat(text).timestamp() * 1000)) if text else None


_Created = Annotated[
    str, AfterValidator(_check_created), Field(max_length=64, json_schema_extra={"format": "instant"})
]
_TaskId = Annotated[
    str,
    AfterValidator(_check_task),
    Field(json_schema_extra={"pattern": f"^({TASK_ID.pattern})?$"}),
]
_EventCursor = Annotated[
    str, AfterValidator(_check_event_cursor), Field(json_schema_extra={"format": "cursor"})
]


class DeadLetterQuery(BaseModel):
    """Which dead tasks a page shows; an empty filter stands for any."""

    model_config = ConfigDict(extra="forbid")

    queue: _Filter = Field(default="", description="Only tasks of this queue.")
    task_type: _Filter = Field(default="", description="Only tasks of this type.")
    created_after: _Created = Field(default="", description="Only tasks submitted then or later, ISO 8601.")
    created_before: _Created = Field(default="", description="Only tasks submitted earlier, ISO 8601.")
    fingerprint: _Filter = Field(
        default="", description="Only dead tasks whose error has this fingerprint; they come by id."
    )
    limit: int = Field(default=50, ge=1, le=1_000, description="Most tasks on the page.")
    cursor: _Cursor = ""

    @property
    def wanted(self) -> TaskFilter:
        """The filter as the engine takes it."""
        return self._filter(TaskStatus.DEAD)

    def _filter(self, status: TaskStatus | None) -> TaskFilter:
        return TaskFilter(
            status,
            self.queue or None,
            self.task_type or None,
            _ms_of(self.created_after),
            _ms_of(self.created_before),
            fingerprint=self.fingerprint or None,
        )


class TaskListQuery(DeadLetterQuery):
    """Which tasks a page shows; an empty filter stands for any."""

    status: TaskStatus | None = Field(default=None, description="Only tasks in this status.")
    priority: int | None = Field(
        default=None, ge=1, le=10, description="Only of this priority; with `status=pending`."
    )
    worker: _Filter = Field(default="", description="Only what this worker holds; with `status=running`.")
    schedule: _Filter = Field(default="", description="Only tasks of the last ten times of this schedule.")
    key: str = Field(
        default="",
        max_length=255,
        description="Only what was submitted with this idempotency key, or has it as its unique key now; "
        "with `queue`.",
    )

    @property
    def wanted(self) -> TaskFilter:
        """The filter as the engine takes it."""
        return self._filter(self.status)._replace(
            priority=self.priority,
            worker=self.worker or None,
            schedule=self.schedule or None,
            key=self.key or None,
        )


class EventQuery(BaseModel):
    """Which events are shown; an empty filter stands for any."""

    model_config = ConfigDict(extra="forbid")

    queue: _Filter = Field(default="", description="Only what happens in this queue.")
    task: _TaskId = Field(default="", description="Only what names this task, or may have left it out.")
    pace: Literal["live", "calm"] = Field(
        default="live", description="`calm` where nobody looks: the slow pace is enough."
    )

    @property
    def wanted(self) -> EventFilter:
        """The filter of a viewer."""
        return EventFilter(self.queue, self.task)


class PollQuery(EventQuery):
    """Which events are asked for."""

    after: _EventCursor = Field(
        default="", description="`cursor` of the answer before, or an event's `id`; empty for now."
    )


class GroupListQuery(BaseModel):
    """How many groups of dead tasks are listed."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(default=50, ge=1, le=100, description="Most groups.")


class JobListQuery(BaseModel):
    """How many bulk operations are listed."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(default=50, ge=1, le=100, description="Most operations.")

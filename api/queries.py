"""Query parameters."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from api.live.shaping import EventFilter
from shared.events import is_cursor
from shared.ids import is_task_id
from shared.models import NAME, TaskStatus
from shared.queue.inspection import TaskFilter


def _check_filter(value: str) -> str:
    if value and not NAME.fullmatch(value):
        raise ValueError("must be 1 to 64 letters, digits, '.', '_' or '-', beginning with a letter or digit")
    return value


def _check_task(value: str) -> str:
    if value and not is_task_id(value):
        raise ValueError("must be a task's id: 27 digits and lower-case letters")
    return value


def _check_event_cursor(value: str) -> str:
    if value and not is_cursor(value):
        raise ValueError("must be the cursor of an answer, unchanged, such as 1764547200000-0")
    return value


_TaskId = Annotated[str, AfterValidator(_check_task)]
_EventCursor = Annotated[str, AfterValidator(_check_event_cursor)]
_Filter = Annotated[str, AfterValidator(_check_filter)]


class DeadLetterQuery(BaseModel):
    """Which dead tasks a page shows; an empty filter stands for any."""

    model_config = ConfigDict(extra="forbid")

    queue: _Filter = Field(default="", description="Only tasks of this queue.")
    task_type: _Filter = Field(default="", description="Only tasks of this type.")
    limit: int = Field(default=50, ge=1, le=1_000, description="Most tasks on the page.")
    cursor: str = Field(default="", max_length=1_000, description="`next_cursor` of the page before.")

    @property
    def wanted(self) -> TaskFilter:
        """The filter as the engine takes it."""
        return TaskFilter(TaskStatus.DEAD, self.queue or None, self.task_type or None)


class TaskListQuery(DeadLetterQuery):
    """Which tasks a page shows; an empty filter stands for any."""

    status: TaskStatus | None = Field(default=None, description="Only tasks in this status.")

    @property
    def wanted(self) -> TaskFilter:
        """The filter as the engine takes it."""
        return TaskFilter(self.status, self.queue or None, self.task_type or None)


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

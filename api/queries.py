"""Query parameters."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from shared.models import NAME, TaskStatus
from shared.queue.inspection import TaskFilter


def _check_filter(value: str) -> str:
    if value and not NAME.fullmatch(value):
        raise ValueError("must be 1 to 64 letters, digits, '.', '_' or '-', beginning with a letter or digit")
    return value


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


class GroupListQuery(BaseModel):
    """How many groups of dead tasks are listed."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(default=50, ge=1, le=100, description="Most groups.")


class JobListQuery(BaseModel):
    """How many bulk operations are listed."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(default=50, ge=1, le=100, description="Most operations.")

"""Query parameters."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from shared.models import NAME, TaskStatus
from shared.queue.inspection import TaskFilter


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
        max_length=1_000,
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


class DeadLetterQuery(BaseModel):
    """Which dead tasks a page shows; an empty filter stands for any."""

    model_config = ConfigDict(extra="forbid")

    queue: _Filter = Field(default="", description="Only tasks of this queue.")
    task_type: _Filter = Field(default="", description="Only tasks of this type.")
    limit: int = Field(default=50, ge=1, le=1_000, description="Most tasks on the page.")
    cursor: _Cursor = ""

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

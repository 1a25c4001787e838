"""What the bodies of control routes may say; null never stands for "as it is", leaving out does."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self, TypeVar

from fastapi import Request
from pydantic import ConfigDict, Field, model_validator

from api.body import read_json, read_optional_json
from api.deps import runtime_of
from api.validation import read_fields
from shared.errors import InvalidInput
from shared.ids import TASK_ID
from shared.jobs import MAX_FIRST, MAX_PER_SECOND, JobFilter, JobPace
from shared.lazy import LazyModel
from shared.models import (
    MAX_DELAY_S,
    WHOLE,
    Instant,
    Limit,
    Name,
    RateLimit,
    Seconds,
    TaskStatus,
    exactly_one,
    not_both,
)
from shared.queue.control import MAX_BULK

_NEW_PAYLOAD = "Replaces the payload; checked by the task type's schema."


def _without_null(schema: dict[str, Any]) -> None:
    """None is how Python says that a field was left out; on the wire nobody may say it."""
    for field in schema.get("properties", {}).values():
        if field.get("default", ...) is None:
            del field["default"]
            field.update(next(kind for kind in field.pop("anyOf") if kind.get("type") != "null"))


def _change_rules(schema: dict[str, Any]) -> None:
    _without_null(schema)
    schema |= {"minProperties": 1, **not_both("delay_seconds", "run_at")}


def _key_limit_rules(schema: dict[str, Any]) -> None:
    _without_null(schema)
    schema |= {"anyOf": [{"required": ["concurrency"]}, {"required": ["rate"]}]}


def _preview_rules(schema: dict[str, Any]) -> None:
    _without_null(schema)
    schema |= exactly_one("cron", "interval_seconds")


def _filter_rules(schema: dict[str, Any]) -> None:
    _without_null(schema)
    conditions = [
        {"required": [name]} for name in ("queue", "task_type", "fingerprint") if name in schema["properties"]
    ]
    every = {"required": ["all"], "properties": {"all": {"const": True}}, "not": {"anyOf": conditions}}
    schema |= {"oneOf": [every, {"anyOf": conditions, "properties": {"all": {"const": False}}}]}


def _step_rules(schema: dict[str, Any]) -> None:
    _without_null(schema)
    of_step = [{"required": [name]} for name in ("limit", "cursor")]
    of_group = [{"required": [name]} for name in ("payload", "first", "per_second")]
    schema |= {"anyOf": [{"not": {"anyOf": of_step}}, {"not": {"anyOf": of_group}}]}


class ControlBody(LazyModel):
    """Read strictly: types as declared, no unknown fields."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, json_schema_extra=_without_null)


class NoFields(ControlBody):
    """A route that takes nothing but its path."""


class SignIn(ControlBody):
    """Who signs in."""

    key: Annotated[str, Field(min_length=1, max_length=512, description="An API key.")]


class Requeue(ControlBody):
    """How a dead task begins anew."""

    payload: Annotated[dict[str, Any] | None, Field(description=_NEW_PAYLOAD)] = None


class TaskChange(ControlBody):
    """What is to change of a task that waits; what is left out stays."""

    model_config = ConfigDict(json_schema_extra=_change_rules)

    payload: Annotated[dict[str, Any] | None, Field(description=_NEW_PAYLOAD)] = None
    priority: Annotated[
        int | None, Field(ge=1, le=10, description="1 to 10, 10 is claimed first."), WHOLE
    ] = None
    delay_seconds: Annotated[
        Seconds | None, Field(ge=0, le=MAX_DELAY_S, description="Not before this many seconds from now.")
    ] = None
    run_at: Annotated[Instant | None, Field(description="Not before this time; a past time runs now.")] = None

    @model_validator(mode="after")
    def _one_start(self) -> TaskChange:
        if self.delay_seconds is not None and self.run_at is not None:
            raise ValueError("delay_seconds and run_at exclude each other")
        return self


class Pause(ControlBody):
    """Why a queue or a schedule is held."""

    reason: Annotated[str, Field(max_length=500, description="Shown beside it.")] = ""


class KeyLimits(ControlBody):
    """A limit; what is left out is not bounded."""

    model_config = ConfigDict(json_schema_extra=_key_limit_rules)

    concurrency: Annotated[
        int | None,
        Field(ge=1, le=100_000, description="Tasks that run at once, on all workers together."),
        WHOLE,
    ] = None
    rate: Annotated[RateLimit | None, Field(description="How often tasks start.")] = None


class QueueLimits(KeyLimits):
    """All limits of a queue; what is left out is lifted."""

    model_config = ConfigDict(json_schema_extra=_without_null)

    per_key: Annotated[Limit | None, Field(description="Of each limit key that has none of its own.")] = None


class Drain(ControlBody):
    """Whether a worker is to claim no more."""

    drain: Annotated[bool, Field(description="false lets it claim again.")] = True


class SchedulePreview(ControlBody):
    """A timing to try: `cron` or `interval_seconds`."""

    model_config = ConfigDict(json_schema_extra=_preview_rules)

    cron: Annotated[
        Annotated[str, Field(max_length=200, json_schema_extra={"format": "cron"})] | None,
        Field(description='Such as "0 9 * * 1-5".'),
    ] = None
    interval_seconds: Annotated[
        Seconds | None, Field(ge=1, le=MAX_DELAY_S, description="Seconds from one time to the next.")
    ] = None
    zone: Annotated[
        str,
        Field(
            max_length=64, description="IANA time zone of `cron`.", json_schema_extra={"format": "time-zone"}
        ),
    ] = "UTC"
    count: Annotated[int, Field(ge=1, le=300, description="How many times."), WHOLE] = 5


class Paced(ControlBody):
    """How fast a bulk requeue goes."""

    payload: Annotated[dict[str, Any] | None, Field(description=_NEW_PAYLOAD)] = None
    first: Annotated[
        int,
        Field(
            ge=0,
            le=MAX_FIRST,
            description="So many go first; the rest only when all of them have completed.",
        ),
        WHOLE,
    ] = 0
    per_second: Annotated[
        Seconds | None,
        Field(ge=0.01, le=MAX_PER_SECOND, description="Tasks a second; left out: as fast as it goes."),
    ] = None

    @property
    def pace(self) -> JobPace:
        """The pace as the engine takes it."""
        return JobPace(self.first, self.per_second)


class GroupStep(Paced):
    """One step through the tasks of a group; or, with a pace, all of them in the background."""

    model_config = ConfigDict(json_schema_extra=_step_rules)

    limit: Annotated[int, Field(ge=1, le=MAX_BULK, description="Most tasks of this step."), WHOLE] = MAX_BULK
    cursor: Annotated[
        str | None, Field(pattern=f"^{TASK_ID.pattern}$", description="`next_cursor` of the step before.")
    ] = None

    @property
    def is_paced(self) -> bool:
        """Whether the whole group is meant."""
        return not self.model_fields_set.isdisjoint(Paced.model_fields)

    @model_validator(mode="after")
    def _step_or_pace(self) -> GroupStep:
        if self.is_paced and not self.model_fields_set.isdisjoint({"limit", "cursor"}):
            raise ValueError("limit and cursor belong to a step, what else there is to the whole group")
        return self


class _Filter(ControlBody):
    """Which tasks are meant: at least one condition, or `all`."""

    model_config = ConfigDict(json_schema_extra=_filter_rules)

    queue: Annotated[Name | None, Field(description="Only tasks of this queue.")] = None
    task_type: Annotated[Name | None, Field(description="Only tasks of this type.")] = None
    all: Annotated[bool, Field(description="Every task, without a condition.")] = False

    @property
    def conditions(self) -> dict[str, Any]:
        """The conditions by name."""
        names = ("queue", "task_type", "fingerprint")
        return {name: value for name in names if (value := getattr(self, name, None)) is not None}

    @property
    def wanted(self) -> JobFilter:
        """The filter as the engine takes it."""
        return JobFilter(**self.conditions)

    @model_validator(mode="after")
    def _meant(self) -> Self:
        if bool(self.conditions) == self.all:
            raise ValueError("name the tasks by a condition, or say all: true; one of the two")
        return self


class DeadFilter(_Filter):
    """Which dead tasks are meant."""

    fingerprint: Annotated[Name | None, Field(description="Only tasks whose error has it.")] = None


class BulkRequeue(DeadFilter, Paced):
    """Which dead tasks begin anew, and how fast."""

    model_config = ConfigDict(json_schema_extra=_filter_rules)


class BulkCancel(_Filter):
    """Which tasks that wait are cancelled."""

    statuses: Annotated[
        list[Literal["pending", "scheduled", "retrying"]],
        Field(min_length=1, max_length=3, description="Where they are now."),
    ] = ["pending", "scheduled", "retrying"]

    @property
    def wanted(self) -> JobFilter:
        """The filter as the engine takes it."""
        return super().wanted._replace(statuses=frozenset(TaskStatus(name) for name in self.statuses))


class Purge(ControlBody):
    """What is removed of a queue."""

    scheduled: Annotated[
        bool, Field(description="Those that wait for a time, too: scheduled and retrying.")
    ] = False


_B = TypeVar("_B", bound=ControlBody)


async def read_control(request: Request, model: type[_B]) -> _B:
    """The body of a request that may leave it out.

    Raises:
        InvalidInput: naming the first field that breaks a rule.
    """
    return read_fields(await read_optional_json(request, runtime_of(request).settings.max_body_bytes), model)


async def read_body(request: Request, model: type[_B]) -> _B:
    """The body of a request that must have one; raises as `read_control` does."""
    return read_fields(await read_json(request, runtime_of(request).settings.max_body_bytes), model)


async def read_change(request: Request) -> TaskChange:
    """The body of a request that must change something; raises as `read_control` does."""
    change = await read_body(request, TaskChange)
    if not change.model_fields_set:
        raise InvalidInput(
            "body", "holds no field to change.", f"Send some of {', '.join(TaskChange.model_fields)}."
        )
    return change

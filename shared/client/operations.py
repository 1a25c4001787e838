"""Every operation of the API, once, for both clients."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from time import monotonic
from typing import Any, NamedTuple, TypeVar
from urllib.parse import quote

import httpx
import msgspec
from pydantic import BaseModel, ValidationError

from shared.client.calls import Call, Flow, Pause, Repeat
from shared.client.errors import Problem, Unavailable, WaitTimeout
from shared.client.retrying import Retries, answered
from shared.client.submissions import batch_body, one_body, type_of
from shared.codec import decode, encode
from shared.models import (
    TERMINAL_STATUSES,
    Deduplicated,
    ErrorGroup,
    Overview,
    QueueInfo,
    Schedule,
    ScheduleSpec,
    SubmittedTask,
    Task,
    TaskPage,
    TaskStatus,
    TaskSubmission,
    TaskType,
    WorkerInfo,
)
from shared.telemetry import submitting

_M = TypeVar("_M", bound=BaseModel)

#: How long one request asks to be held while a task has not ended, seconds.
HOLD_S = 20.0
#: Without such a hold: the first pause between two looks, its growth, and the longest.
FIRST_PAUSE_S, PAUSE_GROWTH, LONGEST_PAUSE_S = 0.25, 1.5, 2.0


class GroupStep(NamedTuple):
    """What one step through a group did; go on with `next_cursor` until it is None."""

    requeued: int
    skipped: int
    missing: int
    next_cursor: str | None


class Operations:
    """Flows; each raises `ApiError` for what the API refuses.

    Args:
        url: of the API, for error texts.
        retries: of every call.
    """

    def __init__(self, url: str, retries: Retries) -> None:
        self._url = url
        self._retries = retries

    def submit(
        self, task_type: str, payload: Mapping[str, Any], options: Mapping[str, Any]
    ) -> Flow[SubmittedTask]:
        """Store one task."""
        body = one_body(task_type, payload, options)
        with submitting([task_type], options.get("queue")) as submission:
            call = Call("POST", "/tasks", body=body, headers=submission.headers)
            task = _submitted((yield from self._value(call)))
            submission.stored([task.id])
            return task

    def submit_many(self, tasks: Iterable[TaskSubmission | Mapping[str, Any]]) -> Flow[list[SubmittedTask]]:
        """Store 1 to 1,000 tasks, or none of them."""
        chosen = list(tasks)
        body = batch_body(chosen)
        with submitting([type_of(task) for task in chosen], None) as submission:
            call = Call("POST", "/tasks/batch", body=body, headers=submission.headers)
            value = yield from self._value(call)
            return [_submitted(task) for task in value["tasks"]]

    def get(self, task_id: str) -> Flow[Task]:
        """Read one task."""
        return self._model(Task, (yield from self._value(Call("GET", f"/tasks/{_part(task_id)}"))))

    def wait(self, task_id: str, timeout_s: float) -> Flow[Task]:
        """Read a task until it has ended; the API is asked to hold each request for that."""
        deadline = monotonic() + timeout_s
        pause_s = FIRST_PAUSE_S
        while True:
            began = monotonic()
            hold_s = int(max(0.0, min(deadline - began, HOLD_S)))
            headers = {"Prefer": f"wait={hold_s}"} if hold_s else {}
            call = Call("GET", f"/tasks/{_part(task_id)}", headers=headers, patience_s=hold_s)
            response = yield from answered(call, self._retries, self._url)
            task = self._model(Task, _json(response))
            if task.status in TERMINAL_STATUSES:
                return task
            now = monotonic()
            if now >= deadline:
                raise WaitTimeout(task, timeout_s)
            if "wait" not in response.headers.get("preference-applied", "") or now - began < 1:
                yield Pause(min(pause_s, deadline - now))
                pause_s = min(pause_s * PAUSE_GROWTH, LONGEST_PAUSE_S)

    def page(self, path: str, params: Mapping[str, Any], cursor: str | None) -> Flow[TaskPage]:
        """One page of tasks."""
        value = yield from self._value(Call("GET", path, params={**params, "cursor": cursor}))
        return self._model(TaskPage, value)

    def poll_events(self, after: str | None, filters: Mapping[str, Any]) -> Flow[Mapping[str, Any]]:
        """What has happened since."""
        call = Call("GET", "/events/poll", params={**filters, "after": after})
        return dict((yield from self._value(call)))

    def explain(self, task_id: str) -> Flow[dict[str, Any]]:
        """Why a task does not run."""
        return dict((yield from self._value(Call("GET", f"/tasks/{_part(task_id)}/explain"))))

    def task_action(
        self, task_id: str, action: str, payload: Mapping[str, Any] | None = None
    ) -> Flow[TaskStatus]:
        """Cancel, requeue or run-now."""
        body = encode({"payload": dict(payload)}, "payload") if payload is not None else "{}"
        call = Call("POST", f"/tasks/{_part(task_id)}/{action}", body=body if action != "cancel" else None)
        return TaskStatus((yield from self._value(call))["status"])

    def change(self, task_id: str, fields: Mapping[str, Any]) -> Flow[TaskStatus]:
        """Change a task that waits."""
        call = Call("PATCH", f"/tasks/{_part(task_id)}", body=encode(dict(fields), "task"))
        return TaskStatus((yield from self._value(call))["status"])

    def delete(self, path: str) -> Flow[None]:
        """Remove what a path names."""
        yield from answered(Call("DELETE", path), self._retries, self._url)

    def groups(self, limit: int) -> Flow[list[ErrorGroup]]:
        """Dead tasks by their error."""
        value = yield from self._value(Call("GET", "/dead-letters/groups", params={"limit": limit}))
        return [self._model(ErrorGroup, group) for group in value["groups"]]

    def requeue_step(self, fingerprint: str, limit: int, cursor: str | None) -> Flow[GroupStep]:
        """Requeue up to 100 tasks of a group."""
        body = encode({"limit": limit, **({"cursor": cursor} if cursor else {})}, "step")
        call = Call("POST", f"/dead-letters/groups/{_part(fingerprint)}/requeue", body=body)
        value = yield from self._value(call)
        return GroupStep(value["requeued"], value["skipped"], value["missing"], value["next_cursor"])

    def overview(self) -> Flow[Overview]:
        """Read counts, queues and workers."""
        return self._model(Overview, (yield from self._value(Call("GET", "/overview"))))

    def queues(self) -> Flow[list[QueueInfo]]:
        """List queues."""
        value = yield from self._value(Call("GET", "/queues"))
        return [self._model(QueueInfo, queue) for queue in value["queues"]]

    def hold(self, path: str, action: str, reason: str = "") -> Flow[dict[str, Any]]:
        """Pause or resume what a path names."""
        body = encode({"reason": reason} if action == "pause" else {}, "reason")
        return dict((yield from self._value(Call("POST", f"{path}/{action}", body=body))))

    def workers(self) -> Flow[list[WorkerInfo]]:
        """List workers."""
        value = yield from self._value(Call("GET", "/workers"))
        return [self._model(WorkerInfo, worker) for worker in value["workers"]]

    def drain(self, name: str, is_on: bool) -> Flow[int]:
        """Ask a worker to claim no more, or again."""
        call = Call("POST", f"/workers/{_part(name)}/drain", body=encode({"drain": is_on}, "drain"))
        return int((yield from self._value(call))["running"])

    def task_types(self) -> Flow[list[TaskType]]:
        """List published task types."""
        value = yield from self._value(Call("GET", "/task-types"))
        return [self._model(TaskType, kind) for kind in value["task_types"]]

    def schedules(self) -> Flow[list[Schedule]]:
        """List schedules."""
        value = yield from self._value(Call("GET", "/schedules"))
        return [self._model(Schedule, schedule) for schedule in value["schedules"]]

    def put_schedule(self, schedule_id: str, spec: ScheduleSpec) -> Flow[Schedule]:
        """Create or change a schedule."""
        body = encode(spec.model_dump(mode="json", exclude_unset=True), "schedule")
        call = Call("PUT", f"/schedules/{_part(schedule_id)}", body=body)
        return self._model(Schedule, (yield from self._value(call)))

    def run_schedule(self, schedule_id: str) -> Flow[str]:
        """Submit a schedule's task once more."""
        call = Call("POST", f"/schedules/{_part(schedule_id)}/run", body="{}", repeat=Repeat.UNSAFE)
        return str((yield from self._value(call))["id"])

    def text(self, path: str) -> Flow[str]:
        """Read a document that is no JSON."""
        return (yield from answered(Call("GET", path), self._retries, self._url)).text

    def value(self, path: str, params: Mapping[str, Any]) -> Flow[Any]:
        """Read any JSON that the API offers."""
        return (yield from self._value(Call("GET", path, params=params)))

    def _value(self, call: Call) -> Flow[Any]:
        return _json((yield from answered(call, self._retries, self._url)))

    def _model(self, model: type[_M], value: Any) -> _M:
        try:
            return model.model_validate(value)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            raise _alien(
                f"{self._url} answered what is no {model.__name__}: {first['loc']}: {first['msg']}."
            ) from error


def schedule_path(schedule_id: str) -> str:
    """Where a schedule lies."""
    return f"/schedules/{_part(schedule_id)}"


def queue_path(name: str) -> str:
    """Where a queue lies."""
    return f"/queues/{_part(name)}"


def task_path(task_id: str) -> str:
    """Where a task lies."""
    return f"/tasks/{_part(task_id)}"


def _part(text: str) -> str:
    """One segment of a path, whatever stands in it."""
    return quote(text, safe="") or "%20"


def _json(response: httpx.Response) -> Any:
    try:
        return decode(response.content)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _alien(
            f"{response.request.url.copy_with(query=None)} answered no JSON: {error}. Check DTQ_URL."
        ) from error


def _alien(detail: str) -> Unavailable:
    return Unavailable(Problem(0, "no-dtq-api", "An answer of something else", detail))


def _submitted(value: Mapping[str, Any]) -> SubmittedTask:
    other = value.get("deduplicated")
    return SubmittedTask(value["id"], TaskStatus(value["status"]), Deduplicated(other) if other else None)

"""The task types a worker knows: name, function, payload model and defaults of each."""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from typing import Any, get_type_hints

from pydantic import BaseModel, TypeAdapter, ValidationError

from shared.codec import decode
from shared.masking import SecretPlaces
from shared.retry import RetryPolicy
from worker_host.control import Reject

HandlerFunction = Callable[..., Any] | Callable[..., Awaitable[Any]]

#: Task types and queue names: what may stand in a key, a URL and a log line without escaping.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._\-]{0,63}")


class RunIn(StrEnum):
    """Where a handler runs."""

    LOOP = "loop"
    """A coroutine on the worker's event loop: for handlers that wait."""
    THREAD = "thread"
    """A thread of the worker: for sync handlers that wait; cannot be stopped by a timeout."""
    PROCESS = "process"
    """A child process: for handlers that compute; is killed at its timeout and at a cancel."""


@dataclass(frozen=True, slots=True)
class Handler:
    """One registered task type.

    Attributes:
        task_type: the registered name; the only thing about code that is ever stored.
        function: takes the payload, and the context when it declares a second parameter.
        payload: validates the decoded payload; None when the handler takes the plain dict.
        run_in: loop, thread or process.
        queue: queue of submissions that name none.
        max_retries: retries of submissions that name none.
        timeout_s: bound of one attempt of submissions that name none, seconds.
        retry: backoff of submissions that name none.
        never_retry: exception classes that end a task at once.
        version: shown with the type; workers of two versions may run side by side.
        takes_context: whether the function wants the context.
    """

    task_type: str
    function: HandlerFunction
    payload: TypeAdapter[Any] | None
    run_in: RunIn
    queue: str = "default"
    max_retries: int = 3
    timeout_s: float = 300.0
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    never_retry: tuple[type[BaseException], ...] = ()
    version: str = "1"
    takes_context: bool = False

    def read_payload(self, text: str) -> Any:
        """The payload as the function takes it, from JSON text.

        Raises:
            Reject: it does not fit the model; no further attempt could succeed.
        """
        if self.payload is None:
            return decode(text)
        try:
            return self.payload.validate_json(text)
        except ValidationError as error:
            # Its own text repeats what was sent, secrets included.
            raise Reject(_first_fault(error)) from None

    @property
    def secrets(self) -> SecretPlaces:
        """Where a payload holds what must not be shown."""
        return _secrets_of(self.payload)

    def description(self) -> dict[str, Any]:
        """What the worker publishes about this type; JSON-ready."""
        schema = self.payload.json_schema() if self.payload else {"type": "object"}
        return {
            "schema": schema,
            "version": self.version,
            "queue": self.queue,
            "max_retries": self.max_retries,
            "timeout_seconds": self.timeout_s,
            "description": inspect.getdoc(self.function) or "",
        }


@cache
def _secrets_of(payload: TypeAdapter[Any] | None) -> SecretPlaces:
    return SecretPlaces(payload.json_schema() if payload is not None else None)


class Registry:
    """Task type → handler; a name can be taken once."""

    def __init__(self) -> None:
        self._handlers: dict[str, Handler] = {}

    def add(self, handler: Handler) -> None:
        """Register a handler.

        Raises:
            ValueError: the name is taken by another function, or is no valid name.
        """
        if not NAME.fullmatch(handler.task_type):
            raise ValueError(
                f"task type {handler.task_type!r}: 1 to 64 letters, digits, '.', '_' or '-', "
                "beginning with a letter or digit"
            )
        known = self._handlers.get(handler.task_type)
        if known and known.function.__qualname__ != handler.function.__qualname__:
            raise ValueError(
                f"task type {handler.task_type!r} is registered twice: by "
                f"{known.function.__module__}.{known.function.__qualname__} and "
                f"{handler.function.__module__}.{handler.function.__qualname__}"
            )
        self._handlers[handler.task_type] = handler

    def get(self, task_type: str) -> Handler | None:
        """The handler of a task type, or None."""
        return self._handlers.get(task_type)

    def __iter__(self) -> Any:
        return iter(self._handlers.values())

    def __len__(self) -> int:
        return len(self._handlers)


#: The registry that `register_handler` fills; a worker process has one.
REGISTRY = Registry()


def register_handler(  # noqa: PLR0913  # the keyword arguments are the options of one declaration
    task_type: str,
    *,
    run_in: RunIn | str | None = None,
    queue: str = "default",
    max_retries: int = 3,
    timeout_seconds: float = 300.0,
    retry: RetryPolicy | None = None,
    never_retry: tuple[type[BaseException], ...] = (),
    version: str = "1",
    registry: Registry = REGISTRY,
) -> Callable[[HandlerFunction], HandlerFunction]:
    """Register a function as the handler of `task_type`.

    The function takes the payload (a dict, or the pydantic model it annotates) and, when it
    declares a second parameter, the context. It returns what is stored as the result: JSON.

    Args:
        task_type: the name that submissions use; letters, digits, '.', '_', '-', at most 64.
        run_in: "loop" (default of `async def`), "thread" (default of `def`) or "process".
        queue: queue of submissions that name none.
        max_retries: retries after a failed attempt, 0 to 100.
        timeout_seconds: bound of one attempt.
        retry: backoff between attempts.
        never_retry: exception classes that end the task at once.
        version: of the handler; free text, shown beside the type.
        registry: where to register; tests pass their own.

    Raises:
        ValueError: the name is taken or not valid, or `run_in` does not fit the function.
    """

    def register(function: HandlerFunction) -> HandlerFunction:
        is_async = inspect.iscoroutinefunction(function)
        where = RunIn(run_in) if run_in else (RunIn.LOOP if is_async else RunIn.THREAD)
        if is_async and where is not RunIn.LOOP:
            raise ValueError(f"{function.__qualname__}: an async handler runs in the loop, not in a {where}")
        if not is_async and where is RunIn.LOOP:
            raise ValueError(
                f"{function.__qualname__}: a sync handler would block the loop; use a thread or process"
            )
        payload, takes_context = _signature(function)
        registry.add(
            Handler(
                task_type=task_type,
                function=function,
                payload=payload,
                run_in=where,
                queue=queue,
                max_retries=max_retries,
                timeout_s=timeout_seconds,
                retry=retry or RetryPolicy(),
                never_retry=never_retry,
                version=version,
                takes_context=takes_context,
            )
        )
        return function

    return register


def _first_fault(error: ValidationError) -> str:
    """One sentence on what is wrong with a payload, without repeating its values."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    field = ".".join(["payload", *map(str, first["loc"])])
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    return f"{field}: {first['msg']}{more}"


def _signature(function: HandlerFunction) -> tuple[TypeAdapter[Any] | None, bool]:
    """The payload's adapter (None for a plain dict) and whether a context is wanted."""
    parameters = list(inspect.signature(function).parameters.values())
    if not 1 <= len(parameters) <= 2:
        raise ValueError(f"{function.__qualname__}: a handler takes the payload and, optionally, the context")
    annotation = get_type_hints(function).get(parameters[0].name)
    is_model = inspect.isclass(annotation) and issubclass(annotation, BaseModel)
    return (TypeAdapter[Any](annotation) if annotation and is_model else None), len(parameters) == 2

"""The fixture `queue`: submit, look, run."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any, TypeVar, Unpack

import httpx

from api.app import create_app
from api.settings import ApiSettings
from local.testing.asgi import BASE_URL, PEER, SyncAsgiTransport
from local.testing.clock import Clock
from local.testing.running import LEASE_MS, TestWorker
from local.testing.transport import ClockedTransport
from shared.client import AsyncClient, Client, Retries, SubmitOptions
from shared.codec import encode
from shared.errors import DtqError
from shared.models import Task, TaskStatus, instant
from shared.queue import QueueOptions, TaskQueue, WorkerState
from shared.queue.cursors import TaskFilter
from worker_host.identity import description, new_name
from worker_host.registry import REGISTRY, Handler, HandlerFunction, Registry, register_handler

_T = TypeVar("_T")
_NAMESPACE = "under-test"
_ONCE = Retries(attempts=1)
_PAGE = 1_000


class QueueUnderTest:
    """The real engine and the real API on an embedded server, emptied for each test.

    Attributes:
        clock: what the queue takes for the time.
        client: a `Client` of the API, to be given to the code under test.
        async_client: an `AsyncClient`.
    """

    def __init__(self, socket: str, clock: Clock) -> None:
        self.clock = clock
        self._transport = ClockedTransport(socket, clock)
        self._transport.empty()
        self._queue = TaskQueue(self._transport, QueueOptions(namespace=_NAMESPACE))
        self._own = Registry()
        self._presence = new_name()
        self._bridge = SyncAsgiTransport(self._app())
        self._http = httpx.Client(transport=self._bridge, base_url=BASE_URL)
        self.client = Client(http=self._http, retries=_ONCE)
        far = httpx.ASGITransport(self._app(), client=PEER)
        self.async_client = AsyncClient(
            http=httpx.AsyncClient(transport=far, base_url=BASE_URL), retries=_ONCE
        )
        self._publish()

    def _app(self) -> Any:
        # Never connected to: the transport is given. Unknown types are refused once any handler is known.
        # Its log of requests would mix with what tests print.
        values: dict[str, Any] = {"redis_url": "redis://embedded", "dtq_namespace": _NAMESPACE}
        settings = ApiSettings.model_construct(**values, log_requests=False)
        return create_app(settings, transport=self._transport)

    def handler(self, task_type: str, **options: Any) -> Callable[[HandlerFunction], HandlerFunction]:
        """Register a function as the handler of a task type for this test, in place of the real one.

        Options are those of `register_handler`.
        """
        register = register_handler(task_type, registry=self._own, **options)

        def take(function: HandlerFunction) -> HandlerFunction:
            register(function)
            self._publish()
            return function

        return take

    def submit(self, task_type: str, payload: Mapping[str, Any], **options: Unpack[SubmitOptions]) -> Task:
        """Submit a task as a client does, and read it."""
        return self.get(self.client.submit(task_type, payload, **options).id)

    def get(self, task_id: str) -> Task:
        """The task as it is stored now."""
        return _now(self._queue.get(task_id))

    def submitted(self, task_type: str | None = None, **payload: Any) -> list[Task]:
        """All tasks that were submitted, whatever became of them, in order.

        Args:
            task_type: only of this type.
            payload: only those whose payload has all these fields with these values.
        """
        return [
            task
            for task in self._all(TaskFilter(task_type=task_type))
            if all(name in task.payload and task.payload[name] == value for name, value in payload.items())
        ]

    def dead(self, task_type: str | None = None) -> list[Task]:
        """Tasks in the dead letters, in order of submission."""
        return self._all(TaskFilter(TaskStatus.DEAD, task_type=task_type))

    def _all(self, wanted: TaskFilter) -> list[Task]:
        found: list[Task] = []
        cursor: str | None = ""
        while cursor is not None:
            page = _now(self._queue.list_tasks(wanted, limit=_PAGE, cursor=cursor))
            found += [self.get(task.id) if task.omitted else task for task in page.tasks]
            cursor = page.next_cursor
        return sorted(found, key=lambda task: (task.created_at, task.id))

    async def drain(self, *, advance: bool = False, limit: int = 10_000) -> list[Task]:
        """Run what is pending, and what that submits, one at a time in order of service.

        Args:
            advance: when nothing is pending, move the clock to where the next task is due (a delayed one,
                the next attempt of a failed one), and go on until none is left.
            limit: most attempts.

        Returns:
            The task after each attempt, in order.

        Raises:
            RuntimeError: `limit` attempts were made and there is still work.
        """
        seen: list[Task] = []
        while True:
            seen += await TestWorker(self._queue, self._registry(), self.clock).run(limit - len(seen))
            due_ms = await self._next_due_ms() if advance else None
            if due_ms is None:
                self._publish()
                return seen
            self.clock.advance_to(instant(due_ms + 1))

    async def _next_due_ms(self) -> float | None:
        """When the next task is due; schedules do not count, as they never end."""
        flat = await self._transport.command("ZRANGE", self._queue.shards[0].timers, "0", "-1", "WITHSCORES")
        times = [float(flat[i + 1]) for i in range(0, len(flat), 2) if flat[i].startswith("t:")]
        return min(times, default=None)

    def _registry(self) -> Registry:
        """The application's handlers, and over them those of this test."""
        chosen: dict[str, Handler] = {handler.task_type: handler for handler in (*REGISTRY, *self._own)}
        registry = Registry()
        for handler in chosen.values():
            registry.add(handler)
        return registry

    def _publish(self) -> None:
        """Let the API know the handlers, as a worker does that waits for work."""
        registry = self._registry()
        if not len(registry):
            return
        types = {handler.task_type: encode(handler.description(), "types") for handler in registry}
        state = WorkerState(self._presence, ["default"], sorted(types), LEASE_MS)
        _now(self._queue.register(state, description(registry, ["default"], 1, LEASE_MS / 1000), types))

    def close(self) -> None:
        """Close what was opened."""
        self._http.close()
        self._bridge.close()
        self._transport.shut()


def _now(operation: Coroutine[Any, Any, _T]) -> _T:
    """The result of an operation over a transport that never suspends, from wherever it is called."""
    try:
        operation.send(None)
    except StopIteration as end:
        result: _T = end.value
        return result
    operation.close()
    raise DtqError("an operation of the queue under test was suspended; that is a defect of the plugin")

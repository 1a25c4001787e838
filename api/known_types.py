"""Published task types: what an instance remembers of them, and how submissions are judged by them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any

from api.payload_schema import PayloadSchema
from api.replies import readable_reply
from api.security.uses import KeyUses
from shared.codec import encode
from shared.errors import InvalidInput, StoreError, TooLarge, UnknownTaskType
from shared.models import TaskSubmission, TypeRegistry
from shared.queue import Defaults, TaskQueue

#: How long the registry is believed without reading it again.
TTL_S = 60.0
#: How long it is believed that a type is not published: its worker may be starting just now.
ABSENCE_TTL_S = 2.0
_MAX_LISTED = 50


class KnownTypes:
    """The registry of task types, read at most once per `TTL_S`, and once more before a refusal.

    Args:
        refuse_unknown: CHECK_TASK_TYPES; refuse types that no live worker knows.
        uses: of API keys; what waits is written with each read.
        on_read: hears of each read.
        clock: seconds that only rise.
    """

    def __init__(
        self,
        *,
        refuse_unknown: bool = True,
        uses: KeyUses | None = None,
        on_read: Callable[[TypeRegistry], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._refuse_unknown = refuse_unknown
        self._uses = uses or KeyUses()
        self._on_read = on_read
        self._clock = clock
        self._registry: TypeRegistry | None = None
        self._read_at = 0.0
        self._reading: asyncio.Future[None] | None = None
        self._schemas: dict[str, PayloadSchema] = {}
        self._defaults: dict[str, Defaults] = {}

    async def judge(self, queue: TaskQueue, tasks: Sequence[TaskSubmission], where: str) -> list[Defaults]:
        """Check submissions against their types; `where` is such as `tasks[{}].`, or empty.

        Returns:
            The defaults of each submission's type, in order.

        Raises:
            InvalidInput: naming the first field that breaks a rule, by a registry read just now.
        """
        await self._refuse(queue, tasks, lambda: self._first_fault(queue, tasks, where))
        return [self._defaults.get(task.task_type, _OUR_DEFAULTS) for task in tasks]

    async def check_payload(self, queue: TaskQueue, task_type: str, payload: dict[str, Any]) -> None:
        """Check the payload that a stored task is to get; its type need not be known to a live worker.

        Raises:
            InvalidInput: naming the first field that breaks the type's schema, read just now.
        """
        task = TaskSubmission.model_construct(task_type=task_type, payload=payload)
        max_bytes = queue.options.max_payload_bytes
        await self._refuse(queue, [task], lambda: self._misfit(task, "", max_bytes))

    async def _refuse(
        self, queue: TaskQueue, tasks: Sequence[TaskSubmission], find_fault: Callable[[], InvalidInput | None]
    ) -> None:
        """Raise what is found by a registry that is fresh, and that was read just now."""
        was_read_now = False
        if not self._is_fresh(tasks):
            await self._read_together(queue)
            was_read_now = True
        fault = find_fault()
        if fault is not None and not was_read_now:
            await self._read(queue)
            fault = find_fault()
        if fault is not None:
            raise fault

    def _is_fresh(self, tasks: Sequence[TaskSubmission]) -> bool:
        registry = self._registry
        if registry is None:
            return False
        are_published = all(task.task_type in registry.types for task in tasks)
        return self._clock() - self._read_at < (TTL_S if are_published else ABSENCE_TTL_S)

    async def _read_together(self, queue: TaskQueue) -> None:
        """One read for all requests that find the registry old at the same time, and one failure."""
        if self._reading is None:
            self._reading = asyncio.ensure_future(self._read(queue))
            self._reading.add_done_callback(self._end_reading)
        await asyncio.shield(self._reading)

    def _end_reading(self, reading: asyncio.Future[None]) -> None:
        self._reading = None
        if not reading.cancelled():
            reading.exception()  # seen here, in case every request has left

    async def _read(self, queue: TaskQueue) -> None:
        uses = self._uses.take()
        try:
            with readable_reply():
                registry = await queue.task_types(uses)
        except StoreError:
            self._uses.put_back(uses)
            raise
        self._registry = registry
        self._on_read(registry)
        self._read_at = self._clock()
        self._schemas = {
            name: PayloadSchema(name, kind.json_schema)
            for name, kind in registry.types.items()
            if kind.json_schema
        }
        self._defaults = {
            name: Defaults(queue=kind.queue, max_retries=kind.max_retries)
            for name, kind in registry.types.items()
        }

    def _first_fault(
        self, queue: TaskQueue, tasks: Sequence[TaskSubmission], where: str
    ) -> InvalidInput | None:
        for index, task in enumerate(tasks):
            fault = self._unknown(task, where.format(index)) or self._misfit(
                task, where.format(index), queue.options.max_payload_bytes
            )
            if fault is not None:
                return fault
        return None

    def _unknown(self, task: TaskSubmission, where: str) -> UnknownTaskType | None:
        registry = self._registry
        if not self._refuse_unknown or registry is None or not registry.has_live_workers:
            return None
        if task.task_type in registry.live_types:
            return None
        known = sorted(registry.live_types)
        more = f" and {len(known) - _MAX_LISTED} more" if len(known) > _MAX_LISTED else ""
        return UnknownTaskType(
            f"{where}task_type",
            "no live worker knows it.",
            f"Known now: {', '.join(known[:_MAX_LISTED]) or 'none'}{more}.",
        )

    def _misfit(self, task: TaskSubmission, where: str, max_bytes: int) -> InvalidInput | None:
        schema = self._schemas.get(task.task_type)
        if schema is None:
            return None
        # A payload that is too large is refused before its every part is looked at.
        size = len(encode(task.payload, f"{where}payload"))
        if size > max_bytes:
            raise TooLarge(
                f"{where}payload",
                f"is longer than {max_bytes} bytes as JSON.",
                "Store the data elsewhere and send its address.",
            )
        return schema.fault(task.payload, where)


_OUR_DEFAULTS = Defaults()
